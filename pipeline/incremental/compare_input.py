"""The first reading of an incremental run finds which documents to embed, and which published rows are dead."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineState

from albert_embed.pipeline.commit.staging import StagingFolder
from albert_embed.pipeline.dataset.layout import STAGING
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.published_output import find_files
from albert_embed.pipeline.dataset.tombstones import TOMBSTONE_SCHEMA
from albert_embed.pipeline.documents.prepare_documents import make_prepare_documents
from albert_embed.pipeline.incremental.changes import Changes
from albert_embed.pipeline.incremental.compare_documents import SELECTED_SCHEMA
from albert_embed.pipeline.incremental.find_changes import ChangeCounts, FindChanges
from albert_embed.pipeline.settings.runner import choose_runner
from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.writers.failure_writer import FailureFile, make_write_failures
from albert_embed.pipeline.writers.table_writer import make_write_tables

logger = logging.getLogger(__name__)

_COMPARISON_FILE = "comparison.json"
_TABLES = {"selected": SELECTED_SCHEMA, "tombstones": TOMBSTONE_SCHEMA}


def compare_input(
    documents: beam.PTransform[Any, Any],
    *,
    previous: Manifest | None,
    staging: StagingFolder,
    full_snapshot: bool,
    beam_options: PipelineOptions,
) -> Changes:
    """Reads the input and compares it with what is published.

    Args:
      documents: reads the input, with `origin`: `{"documents", "failures"}`.
      previous: what is published; None for nothing.
      staging: of the run: the lists of selected documents and tombstones go there.
      full_snapshot: whether published documents that the input lacks are deleted.
      beam_options: of the run.

    Raises:
      RuntimeError: if the pipeline failed.
    """
    pipeline = beam.Pipeline(runner=choose_runner(beam_options), options=beam_options)
    _build(pipeline, documents, previous, staging, full_snapshot=full_snapshot)
    state = pipeline.run().wait_until_finish()
    content = staging.read(_COMPARISON_FILE)
    if state not in (None, PipelineState.DONE) or content is None:
        raise RuntimeError(f"the comparison with {staging.directory} ended as {state}; nothing was published")
    found = json.loads(content)
    counts = ChangeCounts.from_json(json.dumps(found["counts"]))
    documents_found = counts.documents
    logger.info(
        "%d documents read: %d new, %d changed, %d unchanged, %d deleted, %d repeated, %d whose ids are not unique",
        *(documents_found.read, documents_found.new, documents_found.changed, documents_found.unchanged),
        *(documents_found.deleted, documents_found.repeated, documents_found.not_unique),
    )
    failures = () if found["selected"] else found["failures"]  # else they fail again when they are read again
    return Changes(
        counts=counts,
        selected_files=tuple(FileSystems.join(staging.directory, STAGING, path) for path in found["selected"]),
        tombstones=tuple(DataFile(**file) for file in found["tombstones"]),
        failures=tuple(FailureFile(file=DataFile(**written["file"]), counts=written["counts"]) for written in failures),
    )


def _build(
    pipeline: beam.Pipeline,
    documents: beam.PTransform[Any, Any],
    previous: Manifest | None,
    staging: StagingFolder,
    *,
    full_snapshot: bool,
) -> None:
    read = pipeline | "Read" >> documents
    prepared = read["documents"] | "PrepareDocuments" >> make_prepare_documents()
    failures = (read["failures"], prepared.failures) | "AllFailures" >> beam.Flatten()
    found = prepared.passed | "FindChanges" >> FindChanges(
        [] if previous is None else find_files(staging.directory, previous.index_shards),
        [] if previous is None else find_files(staging.directory, previous.tombstone_shards),
        full_snapshot=full_snapshot,
    )
    parts = [found["counts"] | "KeyCounts" >> beam.Map(_give_key, "counts")]
    for name, schema in _TABLES.items():
        written = found[name] | f"Write{name.capitalize()}" >> make_write_tables(staging.path, name, schema)
        parts.append(written["files"] | f"Key{name.capitalize()}" >> beam.Map(_give_key, name))
    written = failures | "WriteFailures" >> make_write_failures(staging.path)
    parts.append(written["files"] | "KeyFailures" >> beam.Map(_give_key, "failures"))
    _ = (
        parts
        | "AllParts" >> beam.Flatten()
        | "GatherParts" >> beam.GroupByKey()
        | "WriteComparison" >> beam.Map(write_comparison, staging=staging)
    )


def write_comparison(gathered: tuple[None, Iterable[tuple[str, Any]]], staging: StagingFolder) -> None:
    """Writes what the comparison has found."""
    found: dict[str, Any] = {"selected": [], "tombstones": [], "failures": []}
    for name, part in gathered[1]:
        if name == "counts":
            found[name] = json.loads(part.to_json())
        elif name == "selected":
            found[name].append(part.path)
        elif name == "tombstones":
            found[name].append(part.to_dict())
        else:
            found[name].append({"file": part.file.to_dict(), "counts": part.counts})
    staging.write(_COMPARISON_FILE, json.dumps(found).encode())


def _give_key(part: Any, name: str) -> tuple[None, tuple[str, Any]]:
    return None, (name, part)
