"""`embed --dry-run`: all that would stop a run, and what it would do."""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
import time
from typing import Any

from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.model.directory.locate import locate_model
from albert_embed.pipeline.analysis.plan import make_plan
from albert_embed.pipeline.dry_run.check_run import CheckedRun, check_run
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class DryRun:
    """What a dry run has found.

    Attributes:
      problems: what would stop the run; none if it can start.
      plan: what it would do, as plain values for JSON: only what could be found out.
    """

    problems: tuple[str, ...]
    plan: dict[str, Any]


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
    estimate = _estimate(checked, beam_options)
    _check_space(checked, estimate)
    plan = {
        "input": _describe_input(checked),
        "model": None if checked.run is None else _describe_model(checked.run),
        "engine": checked.options.engine,
        "embeddings": list(checked.options.embeddings),
        "encoding": checked.options.encoding,
        "output": _describe_output(checked),
        "runner": name_runner(beam_options),
        "sets": settings,
        "estimate": estimate,
    }
    return DryRun(problems=tuple(problems.messages), plan=plan)


def _describe_input(checked: CheckedRun) -> dict[str, Any] | None:
    given = checked.given
    if given is None:
        return None
    if not isinstance(given, FileInput):
        return {"format": given.format, "files": None, "bytes": checked.input_bytes, "ranges": None}
    parts = given.open_parts(RecordFields.of(checked.options)).parts
    return {
        "format": given.format,
        "files": len(given.files),
        "bytes": sum(file.bytes for file in given.files),
        "ranges": len(parts),
    }


def _describe_model(run: PreparedRun) -> dict[str, Any]:
    config, max_tokens = run.model.directory.config, run.preprocessing.max_tokens
    return {
        "name": run.model.name,
        "fingerprint": run.model.directory.fingerprint,
        "precision": run.model.directory.precision,
        "hidden_size": config.hidden_size,
        "layers": config.num_hidden_layers,
        "max_tokens": max_tokens,
        "batch_tokens": run.batching.batch_tokens,
        "bytes": _count_bytes(str(locate_model(run.options.model))),
        "batch_memory_bytes": count_batch_bytes(config, run.batching),
        "streams": run.streams,
    }


def _count_bytes(directory: str) -> int:
    return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(directory) for name in names)


def _describe_output(checked: CheckedRun) -> dict[str, Any]:
    options, latest = checked.options, checked.latest
    if latest is None:
        effect = "new"
    else:
        effect = f"{'adds to' if adds_to_output(options) else 'replaces'} version {latest.generation}"
    return {"directory": options.output, "table": options.table, "sinks": list(options.sinks), "effect": effect}


def _estimate(checked: CheckedRun, beam_options: PipelineOptions) -> dict[str, Any] | None:
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
        try:
            plan = make_plan(
                run.options,
                beam_options,
                model=run.model.directory,
                vocabulary=run.model.vocabulary,
                preprocessing=run.preprocessing,
                statistics=statistics,
                transform_directory=directory,
                prepare_seconds=time.time() - started,
                table=read_own_table(),
                runs_here=runs_on_this_machine(beam_options),
            )
        except (RuntimeError, ImportError, MemoryError) as e:  # of the engine
            raise ValueError(
                f"the model {run.options.model} can't be run here with --engine {run.options.engine}: "
                f"{type(e).__name__}: {e}"
            ) from e
        shard_bytes = run.options.shard_bytes or SHARD_BYTES
        return {
            "documents": statistics.documents,
            "shards": max(1, -(-plan["output_bytes"] // shard_bytes)),
            **plan,
        }
    return None


def _check_space(checked: CheckedRun, estimate: dict[str, Any] | None) -> None:
    """Adds a problem where a local disk has less room than the output takes."""
    output = checked.options.output
    if estimate is None or not output or is_remote(output):
        return
    free, needed = shutil.disk_usage(find_existing(output)).free, estimate["output_bytes"]
    if needed > free:
        checked.problems.add(
            f"--output {checked.options.output} has {free:,} bytes of free space, and the rows take about {needed:,}; "
            "give a folder on a larger disk, or a smaller --encoding"
        )
