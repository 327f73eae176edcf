"""Chooses the Beam runner: the one asked for, else the local one that behaves the same online and offline."""

from __future__ import annotations

from collections.abc import Sequence

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners import runner as beam_runner
from apache_beam.runners.portability.fn_api_runner import FnApiRunner


def choose_runner(options: PipelineOptions) -> beam_runner.PipelineRunner | str:
    """The runner for `options`.

    Beam 2.77's own DirectRunner first tries Prism, which it downloads where it can, so the same command would run on
    one runner online and on another offline. `--runner DirectRunner`, and no `--runner`, mean Beam's in-process runner
    here, with `--direct_num_workers` and `--direct_running_mode` as Beam has them.
    """
    name = options.view_as(StandardOptions).runner
    if name in (None, "DirectRunner"):
        return FnApiRunner()
    return name


def known_beam_flags() -> set[str]:
    """Every flag that one of Beam's option classes knows."""
    import argparse

    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for options in [PipelineOptions, *_subclasses(PipelineOptions)]:
        if "_add_argparse_args" in vars(options):
            try:
                options._add_argparse_args(parser)
            except argparse.ArgumentError:  # two classes may share a flag
                continue
    return {flag for action in parser._actions for flag in action.option_strings}


def parse_beam_options(arguments: Sequence[str]) -> PipelineOptions:
    """The Beam options in `arguments`, which must hold nothing else."""
    return PipelineOptions(list(arguments))


def _subclasses(options: type[PipelineOptions]) -> list[type[PipelineOptions]]:
    direct = options.__subclasses__()
    return direct + [deeper for subclass in direct for deeper in _subclasses(subclass)]
