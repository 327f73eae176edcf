"""Checks the flags that are Apache Beam's, or the engine's that a job service stands for."""

from __future__ import annotations

import argparse
import re
from collections.abc import Collection, Sequence

from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.pipeline.console.engine_options import EngineOption, read_engine_options
from albert_embed.pipeline.console.option import describe_repetition
from albert_embed.pipeline.console.usage_error import UsageError, refuse_unknown

_EMBEDDED = "embed"  # as `--job_endpoint`: a service in this process, which has no options of its own


def check_beam_arguments(arguments: Sequence[str], own: Collection[str]) -> None:
    """Refuses what Beam would silently ignore.

    Args:
      arguments: those that the command itself does not know.
      own: the command's own flags, one of which may have been meant.

    Raises:
      UsageError: if an argument is neither a flag of Beam's nor the value of one, if a value is not of its kind, or if
        a flag is given twice and the later value would replace the earlier. Where `--job_endpoint` names a job service,
        the options of its engine are flags too; it is asked only where there are some that Beam does not know.
    """
    parser = _make_beam_parser()
    known, unknown = _parse_known(parser, arguments)
    engine: tuple[EngineOption, ...] = ()
    if unknown and known.job_endpoint not in (None, _EMBEDDED):
        engine = read_engine_options(known.job_endpoint, timeout=known.job_server_timeout)
        for option in engine:
            option.add_to(parser)
        unknown = _parse_known(parser, arguments)[1]
    if unknown:
        refuse_unknown(unknown, {*own, *list_beam_flags(), *(option.flag for option in engine)})
    _refuse_repetitions(parser, arguments)


def _parse_known(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    try:
        return parser.parse_known_args(list(arguments))
    except argparse.ArgumentError as e:
        raise UsageError(str(e)) from e


def list_beam_flags() -> set[str]:
    """Returns every flag that Beam's help names and its parser takes."""
    parser = _make_beam_parser()
    named = set(re.findall(r"--[a-z]\w*", parser.format_help())) - {"--help"}
    return {flag for flag in named if _takes(parser, flag)}


def _takes(parser: argparse.ArgumentParser, flag: str) -> bool:
    try:
        return flag not in parser.parse_known_args([flag])[1]
    except argparse.ArgumentError:  # it wants a value
        return True


def _make_beam_parser() -> argparse.ArgumentParser:
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
        if argument.startswith("-"):
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
