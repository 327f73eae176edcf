"""`albert-embed embed`."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from albert_embed.pipeline.cli.embed_flags import OPTIONS
from albert_embed.pipeline.console.command import Arguments, Command
from albert_embed.pipeline.console.output import CommandResult
from albert_embed.pipeline.console.usage_error import UsageError
from albert_embed.pipeline.dry_run.option import DRY_RUN
from albert_embed.pipeline.progress.option import choose_display
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.table_name import names_table
from albert_embed.transforms.steps.failure import list_most_frequent

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

    from albert_embed.pipeline.job.submit_run import SubmittedRun


logger = logging.getLogger(__name__)


def run_embed_command(arguments: Arguments) -> CommandResult:
    """Embeds the corpus, and says what was published."""
    options = make_embed_options(arguments)

    from apache_beam.options.pipeline_options import PipelineOptions

    from albert_embed.pipeline.job import job
    from albert_embed.pipeline.job.embed_summary import make_embed_summary
    from albert_embed.pipeline.job.submit_run import SubmittedRun
    from albert_embed.pipeline.launch.prepare_launch import prepare_launch

    beam_options = PipelineOptions(list(arguments.beam))
    if arguments.values.get(DRY_RUN.name):
        return _run_dry(options, beam_options)
    options = prepare_launch(options, beam_options)
    outcome = job.run_embed(options, beam_options, choose_display(arguments))
    if isinstance(outcome, SubmittedRun):
        return describe_submitted(outcome, options)
    manifest = outcome.manifest
    if manifest.counts.failures and not manifest.counts.documents:
        logger.warning(
            "nothing was embedded: all records failed, most often as %s; `albert-embed inspect %s` shows some",
            list_most_frequent(manifest.failures_by_reason)[0][0],
            shlex.quote(options.output),
        )
    described = manifest.to_dict()
    record = {
        "status": "published" if outcome.published else "unchanged",
        "exit_status": 0,
        "output": options.output,
        "counts": described["counts"],
        "retain": manifest.retain,
        **({"compacted": True} if outcome.compacted else {}),
        **({"changes": described["changes"]} if described["changes"] else {}),
        "failures_by_reason": manifest.failures_by_reason,
        "bigquery": described["bigquery"],
        **({"search_index": described["search_index"]} if options.index else {}),
        "measured": described["measured"],
    }
    named = " and ".join(filter(None, (options.output, options.table)))
    return CommandResult(record=record, blocks=make_embed_summary(manifest, named, published=outcome.published))


def _run_dry(options: EmbedOptions, beam_options: PipelineOptions) -> CommandResult:
    from albert_embed.pipeline.dry_run.dry_run_summary import describe_dry_run
    from albert_embed.pipeline.dry_run.run_dry import run_dry

    return describe_dry_run(run_dry(options, beam_options))


def describe_submitted(submitted: SubmittedRun, options: EmbedOptions) -> CommandResult:
    """Returns the result of a run that goes on without this program."""
    if submitted.template is not None:
        record = {"status": "template", "exit_status": 0, "template": submitted.template}
        text = f"the template is in {submitted.template}; the job that it starts publishes in {options.output}"
    else:
        job = None if submitted.job is None else submitted.job.job_id
        record = {"status": "submitted", "exit_status": 0, "output": options.output, "job": job}
        text = f"the job {job or 'of this run'} goes on without this program, and publishes in {options.output}"
    return CommandResult(record={**record, "run": submitted.run}, blocks=(text,))


def make_embed_options(arguments: Arguments) -> EmbedOptions:
    """Makes the options of `embed` from those given; `analyze` uses them too.

    Raises:
      ValueError: if one is out of its range or contradicts another.
    """
    values: dict[str, Any] = {"input": (), **arguments.choose(EmbedOptions)}
    values["output"], values["table"] = _split_outputs(values["output"])
    default_sinks = (*(("tfrecord",) if values["output"] else ()), *(("bigquery",) if values["table"] else ()))
    values.setdefault("sinks", default_sinks)
    values["keep_fields"] = tuple(filter(None, values.get("keep_fields", ())))
    return EmbedOptions(**values)


def _split_outputs(outputs: Sequence[str]) -> tuple[str, str | None]:
    """Returns the directory, empty where there is none, and the table."""
    directories = [output for output in outputs if not names_table(output)]
    tables = [output for output in outputs if names_table(output)]
    if len(directories) > 1 or len(tables) > 1:
        raise UsageError(f"--output takes one directory, one table, or one of each, not {' '.join(outputs)}")
    return (directories[0] if directories else ""), (tables[0] if tables else None)


EMBED = Command(
    name="embed",
    description="Embed a corpus. Takes every option of Apache Beam as well, such as --runner.",
    options=OPTIONS,
    run=run_embed_command,
    takes_beam_options=True,
    shares_config_with="analyze",
)
