"""Makes the manifest of the rows that a run has staged."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence

from albert_embed.pipeline.bigquery.load_format import LOAD_FORMAT
from albert_embed.pipeline.dataset.generation import Generation
from albert_embed.pipeline.dataset.manifest import Manifest, OutputCounts
from albert_embed.pipeline.dataset.measurements import Measurements
from albert_embed.pipeline.dataset.output_directory import OutputDirectory
from albert_embed.pipeline.dataset.provenance import Provenance, list_versions
from albert_embed.pipeline.settings.embed_options import DOCUMENT
from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.shards.shard import INDEX_PREFIX, Shard, list_data_files, list_index_files
from albert_embed.pipeline.shards.statistics import Statistics
from albert_embed.pipeline.writers.write_documents import list_document_files


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunResult:
    """The result of the pipeline that embeds.

    Attributes:
      statistics: of the rows and failures.
      shards: the finished shards.
      document_files: the finished files of documents' vectors.
      counters: of the pipeline.
      seconds: how long it took.
    """

    statistics: Statistics
    shards: list[Shard] = dataclasses.field(default_factory=list)
    document_files: list[DataFile] = dataclasses.field(default_factory=list)
    counters: dict[str, int] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0


def make_manifest(
    run: RunResult,
    *,
    provenance: Provenance,
    output: OutputDirectory,
    reused: Sequence[Shard],
    total_seconds: float,
    batch_tokens: int,
) -> Manifest:
    """Makes the manifest of a run whose files are staged in `output`.

    Args:
      run: its result.
      provenance: of its rows.
      output: where they are staged.
      reused: those of its shards that a run that was cut off had finished.
      total_seconds: how long it took from the start.
      batch_tokens: maximum padded tokens per batch.
    """
    statistics, counters = run.statistics, run.counters
    padded = counters.get("padded_tokens", 0)
    embedded_documents = statistics.documents - sum(shard.documents for shard in reused)
    embedded_tokens = statistics.tokens - sum(shard.tokens for shard in reused)
    index_sizes = {file.path: file.bytes for file in output.staged_files(INDEX_PREFIX)}
    created = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    options = provenance.options
    document_rows = None
    if DOCUMENT in options["embeddings"]:
        document_rows = sum(file.rows or 0 for file in run.document_files if file.format == options["sinks"][0])
    counts = OutputCounts(
        **dataclasses.asdict(statistics.row_counts),
        failures=sum(statistics.failures.values()),
        document_rows=document_rows,
    )
    return Manifest(
        created=created,
        counts=counts,
        failures_by_reason=statistics.failures,
        shards=[file for file in list_data_files(run.shards) if file.format != LOAD_FORMAT],
        index_shards=list_index_files(run.shards, index_sizes),
        document_shards=list_document_files(run.document_files, options["sinks"]),
        failure_shards=output.staged_files("failures-"),
        measured=Measurements(
            total_seconds=round(total_seconds, 3),
            pipeline_seconds=round(run.seconds, 3),
            batch_tokens=batch_tokens,
            counters=counters,
            documents_per_second=round(embedded_documents / run.seconds, 1) if run.seconds else 0.0,
            useful_tokens_per_second=round(embedded_tokens / run.seconds, 1) if run.seconds else 0.0,
            seconds_by_stage=_seconds_by_stage(counters, run.seconds),
            fill=round(counters.get("tokens", 0) / padded, 4) if padded else None,
        ),
        versions=list_versions(),
        generations=[Generation(created=created, counts=counts.row_counts)],
        **vars(provenance),
    )


def _seconds_by_stage(counters: dict[str, int], pipeline_seconds: float) -> dict[str, float]:
    """Returns where the pipeline's time went, summed over workers; `other` is the rest, such as the runner's own."""
    stages = {
        "read": counters.get("read_usecs", 0) / 1e6,
        "preprocess": counters.get("preprocess_usecs", 0) / 1e6,
        "load_model": counters.get("model_load_msecs", 0) / 1e3,
        "inference": counters.get("inference_msecs", 0) / 1e3,
        "write": counters.get("write_usecs", 0) / 1e6,
    }
    stages["other"] = max(0.0, pipeline_seconds - sum(stages.values()))
    return {name: round(value, 3) for name, value in stages.items()}
