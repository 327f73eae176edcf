"""The console script `albert-embed`: finds the command, sets up logging, and turns errors into exit statuses.

Nothing heavy is imported before a command needs it: `--help` answers at once.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from albert_embed import __version__
from albert_embed.pipeline.cli.analyze import ANALYZE
from albert_embed.pipeline.cli.compact import COMPACT
from albert_embed.pipeline.cli.embed import EMBED
from albert_embed.pipeline.cli.export import EXPORT
from albert_embed.pipeline.cli.index import INDEX
from albert_embed.pipeline.cli.inspect import INSPECT
from albert_embed.pipeline.cli.publish import PUBLISH
from albert_embed.pipeline.cli.report import REPORT
from albert_embed.pipeline.cli.search import SEARCH
from albert_embed.pipeline.configuration.given_config import GivenConfig, read_given_config
from albert_embed.pipeline.console.command import JSON, PRINT_CONFIG, PROGRAM, VERBOSE, Arguments, Command
from albert_embed.pipeline.console.interruption import Interruption
from albert_embed.pipeline.console.log import set_up_log
from albert_embed.pipeline.console.option import find_flag_value
from albert_embed.pipeline.console.output import CommandResult, Output, PrintError
from albert_embed.pipeline.console.result_file import RESULT_FILE, ResultFile
from albert_embed.pipeline.console.unknown_flag import explain_unknown_flag
from albert_embed.pipeline.console.usage_error import UnknownFlagError, UsageError
from albert_embed.pipeline.dry_run.option import DRY_RUN
from albert_embed.pipeline.settings.choices import check_choice, find_nearest_word
from albert_embed.pipeline.settings.run_limits import LimitExceededError
from albert_embed.transforms.process.start_up import start_quietly

logger = logging.getLogger(__name__)

_FIRST_PYTHON, _LAST_PYTHON = (3, 11), (3, 13)  # of setup.py
EXIT_USAGE = 2
EXIT_LIMIT = 3
EXIT_FAILED = 4
_STATUSES = {EXIT_USAGE: "usage", EXIT_FAILED: "failed"}

COMMANDS = {
    command.name: command for command in (EXPORT, ANALYZE, EMBED, PUBLISH, INSPECT, COMPACT, INDEX, SEARCH, REPORT)
}
_PRINT_COMPLETION = "--print-completion"
_SHELLS = ("bash", "zsh", "fish")
_HELP = "help"
_HELP_FLAGS = ("-h", "--help")
_USAGE = f"{PROGRAM} COMMAND [options]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit status is 0 only when everything was written and published."""
    given = _place_help(sys.argv[1:] if arguments is None else arguments)
    config = GivenConfig()
    if not _wants_help(given):
        config = read_given_config(given, COMMANDS)
        verbose = config.is_on(VERBOSE, given)
        set_up_log(verbose=verbose)
        if not verbose:
            start_quietly()
        config = config.complete(given)
    result_file = _find_result_file(given, config)
    output = Output(as_json=config.is_on(JSON, given), write_result=None if result_file is None else result_file.write)
    try:
        return _run(given, config, output, result_file)
    except PrintError as e:
        return _fail(output, e)
    finally:
        output.close()


def _place_help(given: Sequence[str]) -> list[str]:
    """Returns the arguments, with `--help` behind the command where they ask for help in another way.

    These are `help`, `help embed`, `--help embed` and `embed help`. What a command takes by its position may be called
    `help`, too.
    """
    first, *others = given or ("",)
    if first in (_HELP, *_HELP_FLAGS):
        named = [word for word in others if word not in (_HELP, *_HELP_FLAGS)]
        return [*named[:1], "--help"]
    if others == [_HELP] and first in COMMANDS:
        takes_words = any(option.is_positional for option in COMMANDS[first].options)
        return list(given) if takes_words and os.path.exists(_HELP) else [first, "--help"]
    return list(given)


def _wants_help(given: Sequence[str]) -> bool:
    return any(flag in given for flag in (*_HELP_FLAGS, "--version"))


def _find_result_file(given: Sequence[str], config: GivenConfig) -> ResultFile | None:
    """Returns `--result-file`, where the command takes it, it is given, and there will be a result."""
    command = COMMANDS.get(given[0]) if given else None
    if command is None or RESULT_FILE not in command.options or PRINT_CONFIG.flag in given:
        return None
    if config.is_on(DRY_RUN, given):
        return None
    path = config.find_value(RESULT_FILE, given)
    if path is None:
        return None
    try:
        return ResultFile(path=RESULT_FILE.read([path]), command=command.name)
    except UsageError:  # which the command raises, too, when it reads its options
        return None


def _run(given: list[str], config: GivenConfig, output: Output, result_file: ResultFile | None) -> int:
    if "--version" in given:
        output.print_text(f"{PROGRAM} {__version__}")
        return 0
    if given and given[0].split("=", 1)[0] == _PRINT_COMPLETION:
        return _print_completion(output, find_flag_value(_PRINT_COMPLETION, given) or "")
    if given and given[0] in _HELP_FLAGS:
        output.print_text(_describe_commands())
        return 0
    try:
        command = _find_command(given)
    except UsageError as e:
        return _fail(output, e, usage=_USAGE)
    if _wants_help(given):
        output.print_text(command.help())
        return 0
    try:
        if config.problem is not None:
            raise config.problem
        if config.values.left_out:
            logger.info("%s", config.values.left_out)
        arguments = command.parse(given[1:], config.values)
    except UnknownFlagError as e:
        explained = explain_unknown_flag(e, command, COMMANDS.values())
        return _fail(output, explained, command=command, usage=command.usage)
    except UsageError as e:
        return _fail(output, e, command=command, usage=command.usage)
    with Interruption() as interruption:
        try:
            _check_python()
            _check_working_folder()
            if result_file is not None:
                result_file.check()
            result = _execute(command, arguments)
            interruption.note_left(lambda: f"the command had done its work ({result.record['status']})")
            output.print_result(result)
            return result.exit_status
        except (Exception, KeyboardInterrupt) as e:
            if interruption.happened:
                return _stop(output, interruption, command)
            if isinstance(e, KeyboardInterrupt):
                raise
            if config.is_on(VERBOSE, given):
                logger.info("where the error comes from:", exc_info=e)
            return _fail(output, e, command=command)


def _print_completion(output: Output, shell: str) -> int:
    try:
        check_choice(_PRINT_COMPLETION, shell, _SHELLS)
    except ValueError as e:
        return _fail(output, e, usage=f"{PROGRAM} {_PRINT_COMPLETION} {{{','.join(_SHELLS)}}}")

    from albert_embed.pipeline.configuration.completion import make_completion

    output.print_text(make_completion(shell, _make_parser(), COMMANDS.values()))
    return 0


def _execute(command: Command, arguments: Arguments) -> CommandResult:
    if not arguments.print_config:
        return command.run(arguments)

    from albert_embed.pipeline.configuration.write_config import describe_config

    return describe_config(command, arguments)


def _stop(output: Output, interruption: Interruption, command: Command) -> int:
    """Says that a command was interrupted and how to go on; returns the exit status."""
    status = interruption.exit_status
    message = f"interrupted by {interruption.name}; {interruption.describe_left()}"
    output.print_error(
        f"{PROGRAM} {command.name}: {message}",
        {"status": "interrupted", "exit_status": status, "error": message},
    )
    return status


def _find_command(given: Sequence[str]) -> Command:
    names = ", ".join(COMMANDS)
    if not given:
        raise UsageError(f"a command is missing; give one of {names}")
    if given[0].startswith("-"):
        raise UsageError(f"{given[0]} stands before the command; first give one of {names}")
    if given[0] not in COMMANDS:
        nearest = find_nearest_word(given[0], COMMANDS)
        raise UsageError(f"unknown command {given[0]!r}; the nearest of {names} is {nearest}")
    return COMMANDS[given[0]]


def _describe_commands() -> str:
    """Returns what `albert-embed --help` prints."""
    parser = _make_parser()
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in COMMANDS.values():
        commands.add_parser(command.name, help=command.description)
    return parser.format_help()


def _make_parser() -> argparse.ArgumentParser:
    """Makes the parser of what can be given without a command."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        usage=_USAGE,
        description="Embed text corpora with ALBERT on Apache Beam.",
        epilog=f"{PROGRAM} help COMMAND describes the options of a command, and so does {PROGRAM} COMMAND --help.",
    )
    parser.add_argument("--version", action="store_true", help="print the name and the version")
    parser.add_argument(_PRINT_COMPLETION, choices=_SHELLS, help="print what a shell needs to complete command lines")
    return parser


def _check_python() -> None:
    """Refuses a Python that the libraries are not made for: they fail there with unclear errors, or can't be there."""
    found = sys.version_info[:2]
    if not _FIRST_PYTHON <= found <= _LAST_PYTHON:
        first, last, given = (".".join(map(str, version)) for version in (_FIRST_PYTHON, _LAST_PYTHON, found))
        raise UsageError(
            f"this is Python {given}, and the program needs one from {first} to {last}; make an environment with such "
            f"a one, for example `python{last} -m venv .venv`, and install it there"
        )


def _check_working_folder() -> None:
    """Refuses to start where the working folder has been deleted: libraries fail there with unclear errors."""
    try:
        os.getcwd()
    except FileNotFoundError as e:
        raise UsageError("the working folder no longer exists; change to one that does and start again") from e


def _fail(output: Output, error: Exception, *, command: Command | None = None, usage: str = "") -> int:
    """Prints what went wrong.

    Args:
      output: where to print.
      error: what went wrong.
      command: the command that failed, where one was found.
      usage: a line to show first, where the arguments themselves were not understood.

    Returns:
      The exit status.
    """
    status = _choose_status(error)
    name = PROGRAM if command is None else f"{PROGRAM} {command.name}"
    described = f"{type(error).__name__}: {error}"
    message = f"{name} failed: {described}" if status == EXIT_FAILED else f"{name}: {error}{_find_remedy(error)}"
    named = error.status if isinstance(error, LimitExceededError) else _STATUSES[status]
    record = {"status": named, "exit_status": status, "error": described}
    output.print_error(
        f"usage: {usage}\n{message}" if usage else message,
        record if command is None or command.reports_errors_as_json else None,
    )
    return status


def _find_remedy(error: Exception) -> str:
    """Returns what helps against an error that the system has raised and nobody has explained; else nothing."""
    if isinstance(error, PermissionError) and error.errno is not None:
        return "; run as a user who may read and write there, or have its rights changed"
    return ""


def _choose_status(error: Exception) -> int:
    if isinstance(error, LimitExceededError):
        return EXIT_LIMIT
    # These are raised for what the user gave; errors during the run are RuntimeErrors.
    return EXIT_USAGE if isinstance(error, (ValueError, OSError)) else EXIT_FAILED
