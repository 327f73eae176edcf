"""Entries of a configuration file that are options of Apache Beam, as the words of a command line."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence

from albert_embed.pipeline.configuration.config_file import describe_unknown_key, read_switch
from albert_embed.pipeline.configuration.yaml_entries import Entry, normalise_name
from albert_embed.pipeline.console.beam_arguments import (
    add_engine_options,
    check_beam_arguments,
    list_actions,
    make_beam_parser,
)
from albert_embed.pipeline.console.usage_error import UsageError


def read_beam_entries(
    entries: Sequence[Entry], own: Collection[str], beside: Sequence[str]
) -> Mapping[str, tuple[str, ...]]:
    """Returns the words for each option of Beam, by its name in Beam's own options.

    Args:
      entries: of the file.
      own: the names of the command's own flags, with hyphens, one of which may have been meant.
      beside: the arguments on the command line.

    Raises:
      UsageError: if a key is no option of Beam's, nor, where `--job_endpoint` names a job service, of its engine; or if
        a value is not of its kind.
    """
    parser = make_beam_parser()
    actions = _index(parser)
    if any(entry.name not in actions for entry in entries):
        endpoint = [word for entry in entries if entry.name == "job-endpoint" for word in _make_words(entry, actions)]
        add_engine_options(parser, [*endpoint, *beside])
        actions = _index(parser)
    words: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        action = actions.get(entry.name)
        if action is None:
            raise describe_unknown_key(entry, {*own, *actions})
        if entry.values is None:
            continue
        if action.dest in words:
            raise UsageError(f"{entry.place}: {entry.key} is another name for what is given already; give it once")
        words[action.dest] = _make_words(entry, actions)
        try:
            check_beam_arguments(words[action.dest], own, parser)
        except UsageError as e:
            raise UsageError(f"{entry.place}: {e}") from e
    return words


def _index(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """Returns Beam's options by the names of their flags."""
    return {normalise_name(flag): action for flag, action in list_actions(parser).items()}


def _make_words(entry: Entry, actions: Mapping[str, argparse.Action]) -> tuple[str, ...]:
    action = actions[entry.name]
    if action.nargs != 0:
        flag = action.option_strings[-1]
        return tuple(f"{flag}={value}" for value in entry.values or ())
    if entry.is_list:
        raise UsageError(f"{entry.place}: {entry.key} is a list; it takes one value")
    if read_switch(entry):
        return (action.option_strings[-1],)
    # Some have a flag for the opposite; the others are off where they are not given.
    opposite = [
        other for other in actions.values() if other.dest == action.dest and other.nargs == 0 and other is not action
    ]
    return (opposite[0].option_strings[-1],) if opposite else ()
