"""Whether a run may publish in its output, checked before it writes anything."""

from __future__ import annotations

from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import PipelineRunner

from albert_embed.pipeline.bigquery.table_sink import NoTable, TableSink
from albert_embed.pipeline.commit.open_output import open_output
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.provenance import Provenance
from albert_embed.pipeline.incremental.dataset_differences import check_same_dataset
from albert_embed.pipeline.settings.embed_options import EmbedOptions


def adds_to_output(options: EmbedOptions) -> bool:
    """Returns whether a run adds to what its output holds."""
    return options.incremental and not options.rebuild


def outlives_program(runner: PipelineRunner | str) -> bool:
    """Returns whether a job of this runner goes on when this program ends."""
    return not isinstance(runner, FnApiRunner)


def check_waiting(options: EmbedOptions, runner: PipelineRunner | str) -> None:
    """Raises ValueError if nobody is to wait for a job that ends with this program."""
    if options.no_wait and not outlives_program(runner):
        raise ValueError(
            "--no-wait needs a runner that goes on without this program, such as --runner DataflowRunner; the "
            "in-process runner ends with it"
        )


def find_latest(options: EmbedOptions, provenance: Provenance | None, table: TableSink | NoTable) -> Manifest | None:
    """Returns the latest version, if there is one, once it is clear that the run may replace it or add to it.

    Args:
      options: of the run.
      provenance: of the rows that it makes; None where that is not known, and so not compared.
      table: of the run.

    Raises:
      OutputError: if it may not.
      ValueError: if its rows do not go with those that are there.
    """
    latest = open_output(options.output, overwrite=options.overwrite or options.rebuild, add=adds_to_output(options))
    if latest is not None and adds_to_output(options):
        if provenance is not None:
            check_same_dataset(latest, provenance, options.output)
        table.check_added_to(latest)
    return latest
