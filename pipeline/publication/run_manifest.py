"""Makes the manifest of the rows that a run has staged."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

from albert_embed.model.hosting.worker_environment import WorkerEnvironment
from albert_embed.pipeline.bigquery.load_format import LOAD_FORMAT
from albert_embed.pipeline.dataset.generation import Generation
from albert_embed.pipeline.dataset.manifest import Manifest, OutputCounts, stamp_now
from albert_embed.pipeline.dataset.measurements import EmbeddingWorkers, Measurements
from albert_embed.pipeline.dataset.provenance import Provenance, list_library_versions
from albert_embed.pipeline.publication.commit_task import CommitTask
from albert_embed.pipeline.publication.staged_run import StagedRun
from albert_embed.pipeline.settings.embed_choices import DOCUMENT
from albert_embed.pipeline.settings.table_name import TableName
from albert_embed.pipeline.shards.row_counts import RowCounts, count_shard
from albert_embed.pipeline.shards.shard import list_data_files, list_index_files
from albert_embed.pipeline.writers.write_documents import list_document_files
from albert_embed.transforms.steps import metrics


def make_manifest(staged: StagedRun, task: CommitTask) -> Manifest:
    """Makes the manifest of a run alone. The paths of its files are in the folders of their runs.

    Args:
      staged: what it has staged.
      task: what it is.
    """
    options, failures = task.options, staged.failure_counts
    created = stamp_now()
    documents = list_document_files(staged.documents, options.sinks)
    document_rows = None
    if DOCUMENT in options.embeddings:
        document_rows = sum(file.rows or 0 for file in documents if file.format == options.sinks[0])
    counts = OutputCounts(
        **dataclasses.asdict(staged.rows), failures=sum(failures.values()), document_rows=document_rows
    )
    workers = list_workers(staged)
    return Manifest(
        created=created,
        counts=counts,
        failures_by_reason=failures,
        shards=[file for file in list_data_files(staged.shards) if file.format != LOAD_FORMAT],
        index_shards=list_index_files(staged.shards),
        document_shards=documents,
        failure_shards=[written.file for written in staged.failures],
        measured=_measure(staged, task),
        versions=workers[0].environment.versions if workers else list_library_versions(),
        generations=[Generation(created=created, counts=counts.row_counts)],
        changes=staged.changes.documents if options.incremental else None,
        pending_table=None if options.table is None else str(TableName.parse(options.table)),
        **vars(_with_engines(task.provenance, workers)),
    )


def list_workers(staged: StagedRun) -> list[EmbeddingWorkers]:
    """Returns what the workers were, those first that have embedded most rows; none where nothing was embedded."""
    return [
        EmbeddingWorkers(environment=WorkerEnvironment.from_json(environment), rows=rows)
        for environment, rows in staged.counted.workers.items()
    ]


def _with_engines(provenance: Provenance, workers: Sequence[EmbeddingWorkers]) -> Provenance:
    """Returns the provenance with the engines that workers have used: with `auto` each chooses its own."""
    if not workers:
        return provenance
    engines = ", ".join(sorted({group.environment.engine for group in workers}))
    return dataclasses.replace(provenance, model=dataclasses.replace(provenance.model, engine=engines))


def _measure(staged: StagedRun, task: CommitTask) -> Measurements:
    now = time.time()
    counters, seconds = staged.counted.counts, now - staged.began
    own = sum((count_shard(shard) for shard in staged.shards if shard.run == task.staging.run), RowCounts())
    if staged.rows.rows > own.rows:
        counters = {**counters, metrics.REUSED_ROWS: staged.rows.rows - own.rows}
    padded = counters.get(metrics.PADDED_TOKENS, 0)
    return Measurements(
        total_seconds=round(now - task.started, 3),
        pipeline_seconds=round(seconds, 3),
        batch_tokens=task.batch_tokens,
        counters=counters,
        documents_per_second=round(own.documents / seconds, 1) if seconds else 0.0,
        useful_tokens_per_second=round(own.tokens / seconds, 1) if seconds else 0.0,
        seconds_by_stage=_seconds_by_stage(counters, seconds),
        fill=round(counters.get(metrics.TOKENS, 0) / padded, 4) if padded else None,
        workers=list_workers(staged),
    )


def _seconds_by_stage(counters: dict[str, int], pipeline_seconds: float) -> dict[str, float]:
    """Returns where the pipeline's time went, summed over workers; `other` is the rest, such as the runner's own."""
    stages = {
        "read": counters.get(metrics.READ_USECS, 0) / 1e6,
        "preprocess": counters.get(metrics.PREPROCESS_USECS, 0) / 1e6,
        "load_model": counters.get(metrics.MODEL_LOAD_MSECS, 0) / 1e3,
        "inference": counters.get(metrics.INFERENCE_MSECS, 0) / 1e3,
        "write": counters.get(metrics.WRITE_USECS, 0) / 1e6,
    }
    stages["other"] = max(0.0, pipeline_seconds - sum(stages.values()))
    return {name: round(value, 3) for name, value in stages.items()}
