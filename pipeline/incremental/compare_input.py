"""The first reading of an incremental run finds which documents to embed, and which published rows are dead."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.io.parquetio import WriteToParquetBatched
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineState

from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.output_directory import OutputDirectory
from albert_embed.pipeline.dataset.published_output import find_files
from albert_embed.pipeline.dataset.tombstones import TOMBSTONE_SCHEMA
from albert_embed.pipeline.documents.prepare_documents import make_prepare_documents
from albert_embed.pipeline.incremental.changes import TOMBSTONE_PREFIX, Changes
from albert_embed.pipeline.incremental.compare_documents import SELECTED_SCHEMA
from albert_embed.pipeline.incremental.find_changes import ChangeCounts, FindChanges
from albert_embed.pipeline.records.records import fail_file
from albert_embed.pipeline.settings.runner import choose_runner
from albert_embed.pipeline.shards.statistics import Statistics, add_statistics, count_failure

logger = logging.getLogger(__name__)

_SELECTED_PREFIX = "selected"
_FAILURES_PREFIX = "failures"
_COUNTS_FILE = "changes.json"


class IncompleteSnapshotError(RuntimeError):
    """Documents would be deleted, but the input can't be the whole corpus."""


def compare_input(
    documents: beam.PTransform[Any, Any],
    *,
    previous: Manifest | None,
    output: OutputDirectory,
    full_snapshot: bool,
    beam_options: PipelineOptions,
) -> Changes:
    """Reads the input and compares it with what `output` holds.

    Args:
      documents: reads the input, with `origin`: `{"documents", "failures"}`.
      previous: what is published in `output`; None for nothing.
      output: prepared for a run. The lists of selected documents and tombstones are staged there.
      full_snapshot: whether published documents that the input lacks are deleted.
      beam_options: of the run.

    Raises:
      IncompleteSnapshotError: if documents would be deleted, but the input is empty or a file of it is broken.
      RuntimeError: if the pipeline failed.
    """
    started = time.time()
    pipeline = beam.Pipeline(runner=choose_runner(beam_options), options=beam_options)
    _build(pipeline, documents, previous, output, full_snapshot=full_snapshot)
    state = pipeline.run().wait_until_finish()
    if state not in (None, PipelineState.DONE):
        raise RuntimeError(f"the comparison with {output.path} ended as {state}; nothing was published")
    counted = json.loads(output.read_staged(_COUNTS_FILE))
    counts, failures = ChangeCounts.from_json(json.dumps(counted["changes"])), counted["failures"]
    if counts.documents.deleted:
        _check_snapshot(counts, failures, output)
    found = counts.documents
    logger.info(
        "%d documents read: %d new, %d changed, %d unchanged, %d deleted, %d repeated, %d whose ids are not unique",
        *(found.read, found.new, found.changed, found.unchanged, found.deleted, found.repeated, found.not_unique),
    )
    selected = []
    if counts.selected:
        selected = output.staged_files(_SELECTED_PREFIX)
        output.delete_staged(_FAILURES_PREFIX)
    return Changes(
        previous=previous,
        output=output,
        counts=counts,
        selected_files=[FileSystems.join(output.staging, file.path) for file in selected],
        failures=failures,
        seconds=time.time() - started,
    )


def _build(
    pipeline: beam.Pipeline,
    documents: beam.PTransform[Any, Any],
    previous: Manifest | None,
    output: OutputDirectory,
    *,
    full_snapshot: bool,
) -> None:
    read = pipeline | "Read" >> documents
    prepared = read["documents"] | "PrepareDocuments" >> make_prepare_documents()
    failures = (read["failures"], prepared.failures) | "AllFailures" >> beam.Flatten()
    found = prepared.passed | "FindChanges" >> FindChanges(
        [] if previous is None else find_files(output.path, previous.index_shards),
        [] if previous is None else find_files(output.path, previous.tombstone_shards),
        full_snapshot=full_snapshot,
    )
    for name, schema in ((_SELECTED_PREFIX, SELECTED_SCHEMA), (TOMBSTONE_PREFIX, TOMBSTONE_SCHEMA)):
        _ = found[name] | f"Write{name.capitalize()}" >> WriteToParquetBatched(
            FileSystems.join(output.staging, name), schema=schema, codec="zstd", file_name_suffix=".parquet"
        )
    _ = (
        failures
        | "FailureToJson" >> beam.Map(lambda failure: failure.to_json())
        | "WriteFailures"
        >> beam.io.WriteToText(FileSystems.join(output.staging, _FAILURES_PREFIX), file_name_suffix=".jsonl")
    )
    failed = (
        failures | "CountFailure" >> beam.Map(count_failure) | "AddFailures" >> beam.CombineGlobally(add_statistics)
    )
    _ = (
        found["counts"]
        | "CountsToJson" >> beam.Map(_counts_to_json, beam.pvalue.AsSingleton(failed))
        | "WriteCounts"
        >> beam.io.WriteToText(FileSystems.join(output.staging, _COUNTS_FILE), num_shards=1, shard_name_template="")
    )


def _counts_to_json(counts: ChangeCounts, failed: Statistics) -> str:
    return json.dumps({"changes": json.loads(counts.to_json()), "failures": failed.failures})


def _check_snapshot(counts: ChangeCounts, failures: dict[str, int], output: OutputDirectory) -> None:
    """Raises IncompleteSnapshotError if the input can't be the whole corpus, as `--full-snapshot` says it is."""
    deleted = counts.documents.deleted
    broken = failures.get(fail_file("", "").category, 0)
    if broken:
        raise IncompleteSnapshotError(
            f"the input has broken files ({broken:,}), and --full-snapshot would delete documents ({deleted:,}) that "
            "may be in them; nothing was published. Repair the files, or leave --full-snapshot out. They are listed in "
            f"{FileSystems.join(output.staging, _FAILURES_PREFIX)}-*"
        )
    if not counts.documents.read:
        raise IncompleteSnapshotError(
            f"the input has no documents, and --full-snapshot would delete all that {output.path} holds ({deleted:,}); "
            "nothing was published. If you want that, give --rebuild"
        )
