"""Whether a run may publish in its output, and who waits for it, checked before it writes anything."""

from __future__ import annotations

from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import PipelineRunner

from albert_embed.pipeline.bigquery.table_sink import NoTable, TableSink
from albert_embed.pipeline.commit.open_output import open_output
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.provenance import Provenance
from albert_embed.pipeline.incremental.dataset_differences import check_same_dataset
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.runner import DATAFLOW, name_runner, runs_on_this_machine


def adds_to_output(options: EmbedOptions) -> bool:
    """Returns whether a run adds to what its output holds."""
    return options.incremental and not options.rebuild


def outlives_program(runner: PipelineRunner | str) -> bool:
    """Returns whether a job of this runner goes on when this program ends."""
    return not isinstance(runner, FnApiRunner)


def check_waiting(options: EmbedOptions, beam_options: PipelineOptions) -> None:
    """Checks what the run does not wait for: a job that goes on, or one that a template only describes.

    Raises:
      ValueError: if nobody is to wait for a job that ends with this program, the runner makes no templates, or
        something is to be done after a run for which nobody waits.
    """
    if options.no_wait and runs_on_this_machine(beam_options):
        raise ValueError(
            "--no-wait needs a runner that goes on without this program, such as --runner DataflowRunner; here the "
            "workers end with it"
        )
    if find_template(beam_options) is None:
        return
    if name_runner(beam_options) != DATAFLOW:
        raise ValueError("--template_location is where Dataflow writes a template; give --runner DataflowRunner, too")
    if options.compact_above is not None:
        raise ValueError(
            "--compact-above works after the run, which a template only describes; leave one out, and run "
            "`albert-embed compact` after the template's job"
        )


def find_template(beam_options: PipelineOptions) -> str | None:
    """Returns where the runner writes a template instead of starting a job; None where it starts one."""
    return beam_options.view_as(GoogleCloudOptions).template_location or None


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
