"""Checks the flags that are Apache Beam's, or the engine's that a job service stands for."""

from __future__ import annotations

import argparse
import re
from collections.abc import Collection, Mapping, Sequence

from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.pipeline.console.engine_options import EngineOption, read_engine_options
from albert_embed.pipeline.console.option import describe_repetition
from albert_embed.pipeline.console.usage_error import UsageError, refuse_unknown

_EMBEDDED = "embed"  # as `--job_endpoint`: a service in this process, which has no options of its own


def check_beam_arguments(
    arguments: Sequence[str], own: Collection[str], parser: argparse.ArgumentParser | None = None
) -> None:
    """Refuses what Beam would silently ignore.

    Args:
      arguments: those that the command itself does not know.
      own: the command's own flags, one of which may have been meant.
      parser: of all options, where it is made already.

    Raises:
      UsageError: if an argument is neither a flag of Beam's nor the value of one, if a value is not of its kind, or if
        a flag is given twice and the later value would replace the earlier. Where `--job_endpoint` names a job service,
        the options of its engine are flags too; it is asked only where there are some that Beam does not know.
    """
    parser = parser or make_beam_parser()
    unknown = _parse_known(parser, arguments)[1]
    if unknown:
        engine = add_engine_options(parser, arguments)
        unknown = _parse_known(parser, arguments)[1]
        refuse_unknown(unknown, {*own, *list_beam_flags(), *(option.flag for option in engine)})
    _refuse_repetitions(parser, arguments)


def add_engine_options(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> tuple[EngineOption, ...]:
    """Adds the options of the engine whose job service `arguments` name to the parser; none where they name none.

    Raises:
      UsageError: if the service does not answer.
    """
    known, _ = _parse_known(parser, arguments)
    if known.job_endpoint in (None, _EMBEDDED):
        return ()
    engine = read_engine_options(known.job_endpoint, timeout=known.job_server_timeout)
    for option in engine:
        option.add_to(parser)
    return engine


def merge_beam_arguments(given: Sequence[str], configured: Mapping[str, Sequence[str]]) -> list[str]:
    """Returns the arguments of the command line, and before them those of a file that the command line does not set.

    Args:
      given: on the command line.
      configured: the name of an option → the words that give it.
    """
    actions = list_actions(make_beam_parser())
    flags = [word.split("=", 1)[0] for word in given if word.startswith("--")]
    names = {actions[flag].dest if flag in actions else flag.removeprefix("--") for flag in flags}
    return [*(word for name, words in configured.items() if name not in names for word in words), *given]


def _parse_known(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    try:
        return parser.parse_known_args(list(arguments))
    except argparse.ArgumentError as e:
        raise UsageError(str(e)) from e


def list_beam_flags() -> set[str]:
    """Returns every flag that Beam's help names and its parser takes."""
    parser = make_beam_parser()
    named = set(re.findall(r"--[a-z]\w*", parser.format_help())) - {"--help"}
    return {flag for flag in named if _takes(parser, flag)}


def _takes(parser: argparse.ArgumentParser, flag: str) -> bool:
    try:
        return flag not in parser.parse_known_args([flag])[1]
    except argparse.ArgumentError:  # it wants a value
        return True


def list_actions(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """Returns what each flag of a parser does; argparse has no public way to ask."""
    actions = parser._option_string_actions
    return {flag: action for flag, action in actions.items() if action.dest != "help"}


def make_beam_parser() -> argparse.ArgumentParser:
    """Makes the parser of all options of Beam, by the only public way."""
    made: list[argparse.ArgumentParser] = []
    PipelineOptions([]).get_all_options(add_extra_args_fn=made.append)
    made[0].exit_on_error = False
    return made[0]


def _refuse_repetitions(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """Refuses a repeated flag that takes one value.

    Beam's parser does not say which flags hold lists, so each repetition is tried: does leaving it out change anything?
    """
    occurrences: list[list[str]] = []
    for argument in arguments:
        if argument.startswith("--"):
            occurrences.append(argument.split("=", 1))
        else:
            occurrences[-1].append(argument)
    whole = vars(_parse(parser, occurrences))
    for place, occurrence in enumerate(occurrences):
        same = [other for other in occurrences[place:] if other[0] == occurrence[0]]
        without = [*occurrences[:place], *occurrences[place + 1 :]]
        if len(same) > 1 and len(occurrence) > 1 and vars(_parse(parser, without)) == whole:
            raise UsageError(describe_repetition(occurrence[0], [" ".join(values) for _, *values in same]))


def _parse(parser: argparse.ArgumentParser, occurrences: list[list[str]]) -> argparse.Namespace:
    joined = [f"{flag}={values[0]}" if len(values) == 1 else [flag, *values] for flag, *values in occurrences]
    return parser.parse_args([word for item in joined for word in ([item] if isinstance(item, str) else item)])
