"""Runs `embed --dry-run`: finds all that would stop a run, and what it would do."""

from __future__ import annotations

import os
import shutil
import tempfile
import time

from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.pipeline.analysis.plan_embedding import PlannedRun, plan_embedding
from albert_embed.pipeline.dry_run.check_run import CheckedRun, check_run
from albert_embed.pipeline.dry_run.dry_run import DryRun, Estimate, GivenInput, GivenModel, PlannedOutput
from albert_embed.pipeline.dry_run.problems import Problems
from albert_embed.pipeline.dry_run.sample_corpus import sample_corpus
from albert_embed.pipeline.inputs.file_input import FileInput
from albert_embed.pipeline.job.check_output import adds_to_output
from albert_embed.pipeline.job.prepared_run import PreparedRun
from albert_embed.pipeline.launch.batch_tokens import count_batch_bytes
from albert_embed.pipeline.launch.gpu_table import read_own_table
from albert_embed.pipeline.launch.prepare_launch import list_gpu_settings
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.runner import name_runner, runs_on_this_machine
from albert_embed.pipeline.writers.check_writable import find_existing
from albert_embed.pipeline.writers.write_shards import SHARD_BYTES
from albert_embed.transforms.files.directories import is_remote
from albert_embed.transforms.graph.transform_graph import save_transform_graph


def run_dry(options: EmbedOptions, beam_options: PipelineOptions) -> DryRun:
    """Makes all checks of a run, and says what it would do. Writes nothing to the output, and claims nothing.

    Args:
      options: as given.
      beam_options: as given; they are completed as for the run.
    """
    settings: list[str] = []
    problems = Problems()
    with problems.collect():  # before they are set
        settings = [f"{setting}: {setting.reason}" for setting in list_gpu_settings(options, beam_options)]
    checked = check_run(options, beam_options, problems)
    estimate = _estimate(checked)
    _check_space(checked, estimate)
    return DryRun(
        problems=tuple(problems.messages),
        input=_describe_input(checked),
        model=None if checked.run is None else _describe_model(checked.run),
        engine=checked.options.engine,
        embeddings=checked.options.embeddings,
        encoding=checked.options.encoding,
        output=_describe_output(checked),
        runner=name_runner(beam_options),
        sets=tuple(settings),
        estimate=estimate,
    )


def _describe_input(checked: CheckedRun) -> GivenInput | None:
    given = checked.given
    if given is None:
        return None
    if not isinstance(given, FileInput):
        return GivenInput(format=given.format, files=None, bytes=checked.input_bytes, ranges=None)
    return GivenInput(
        format=given.format,
        files=len(given.files),
        bytes=sum(file.bytes for file in given.files),
        ranges=len(given.open_parts(RecordFields.of(checked.options)).parts),
    )


def _describe_model(run: PreparedRun) -> GivenModel:
    config = run.model.directory.config
    return GivenModel(
        name=run.model.name,
        fingerprint=run.model.directory.fingerprint,
        precision=run.model.directory.precision,
        hidden_size=config.hidden_size,
        layers=config.num_hidden_layers,
        max_tokens=run.preprocessing.max_tokens,
        batch_tokens=run.batching.batch_tokens,
        bytes=_count_bytes(str(run.model.directory.path)),
        batch_memory_bytes=count_batch_bytes(config, run.batching),
        streams=run.streams,
    )


def _count_bytes(directory: str) -> int:
    return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(directory) for name in names)


def _describe_output(checked: CheckedRun) -> PlannedOutput:
    options, latest = checked.options, checked.latest
    if latest is None:
        effect = "new"
    else:
        effect = f"{'adds to' if adds_to_output(options) else 'replaces'} version {latest.generation}"
    return PlannedOutput(directory=options.output, table=options.table, sinks=options.sinks, effect=effect)


def _estimate(checked: CheckedRun) -> Estimate | None:
    """Estimates what the run takes, from a sample of its files and a short run of the model where it runs here.

    Returns None where the input or the model can't be used, or there is no sample.
    """
    run, given = checked.run, checked.given
    if run is None or not isinstance(given, FileInput) or checked.problems.messages:
        return None
    started = time.time()
    with checked.problems.collect(), tempfile.TemporaryDirectory() as folder:
        directory = run.options.transform or folder
        if run.options.transform is None:
            save_transform_graph(run.model.vocabulary, run.preprocessing, folder)
        statistics = sample_corpus(run, given, directory)
        if statistics is None:
            return None
        planned = PlannedRun(
            run=run,
            statistics=statistics,
            transform_directory=directory,
            prepare_seconds=time.time() - started,
        )
        try:
            plan = plan_embedding(planned, read_own_table(), runs_here=runs_on_this_machine(run.beam_options))
        except (RuntimeError, ImportError, MemoryError) as e:  # of the engine
            raise ValueError(
                f"the model {run.options.model} can't be run here with --engine {run.options.engine}: "
                f"{type(e).__name__}: {e}"
            ) from e
        shard_bytes = run.options.shard_bytes or SHARD_BYTES
        return Estimate(
            documents=statistics.documents,
            shards=max(1, -(-plan.output_bytes // shard_bytes)),
            plan=plan,
        )
    return None


def _check_space(checked: CheckedRun, estimate: Estimate | None) -> None:
    """Adds a problem where a local disk has less room than the output takes."""
    output = checked.options.output
    if estimate is None or not output or is_remote(output):
        return
    free, needed = shutil.disk_usage(find_existing(output)).free, estimate.plan.output_bytes
    if needed > free:
        checked.problems.add(
            f"--output {output} has {free:,} bytes of free space, and the rows take about {needed:,}; "
            "give a folder on a larger disk, or a smaller --encoding"
        )
