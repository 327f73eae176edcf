"""Manifests and tombstones of invented rows, for tests and for the benchmark of search."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from albert_embed.pipeline.dataset.generation import Generation
from albert_embed.pipeline.dataset.manifest import Manifest, OutputCounts
from albert_embed.pipeline.dataset.measurements import Measurements
from albert_embed.pipeline.dataset.provenance import ModelProvenance, TransformProvenance
from albert_embed.pipeline.dataset.tombstones import TOMBSTONE_SCHEMA
from albert_embed.pipeline.shards.row_counts import RowCounts

CREATED = "2026-01-02T03:04:05+00:00"
MODEL = ModelProvenance(
    name="m",
    fingerprint="f",
    precision="float32",
    engine="tensorflow",
    lower_case=True,
    comma_rule="albert",
    vocabulary_fingerprint="v",
)
NOTHING_MEASURED = Measurements(
    total_seconds=0.0,
    pipeline_seconds=0.0,
    batch_tokens=1024,
    counters={},
    documents_per_second=0.0,
    useful_tokens_per_second=0.0,
    seconds_by_stage={},
    fill=None,
)


def make_manifest(made: RowCounts, *, created: str = CREATED, **changes: Any) -> Manifest:
    """Returns the manifest of a run that has made rows of these counts, with `changes` of its fields."""
    fields: dict[str, Any] = {
        "created": created,
        "counts": OutputCounts(**dataclasses.asdict(made)),
        "generations": [Generation(created=created, counts=made)],
        "failures_by_reason": {},
        "shards": [],
        "index_shards": [],
        "failure_shards": [],
        "embeddings": [],
        "hidden_size": 3,
        "encoding": "float_list",
        "model": MODEL,
        "transform": TransformProvenance(fingerprint="t", options={}),
        "options": {},
        "measured": NOTHING_MEASURED,
        "versions": {},
    }
    return Manifest(**{**fields, **changes})


def write_tombstones(ids: Iterable[bytes]) -> bytes:
    """Returns a file of tombstones for some ids, with the counts of no rows."""
    counts = dict.fromkeys(("documents", "rows", "tokens", "truncated"), 0)
    table = pa.Table.from_pylist([{"id": id_, "deleted": False, **counts} for id_ in sorted(ids)], TOMBSTONE_SCHEMA)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content
