"""Rows as the handler gives them, made up, for the tests of writing and reading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf

from model.padded_batch import float_lists
from pipeline.example_encoding import Encoding, describe_examples, encode_examples
from pipeline.manifest import Manifest
from pipeline.output_directory import OutputDirectory

HIDDEN = 3
EMBEDDINGS = ["pooled_output", "sequence_output", "mean_output"]


def make_rows(lengths: list[int], *, first: int = 0, **columns: pa.Array) -> pa.RecordBatch:
    """Rows of so many tokens, with all three embeddings; `columns` are passed through."""
    rows, tokens = len(lengths), sum(lengths)
    numbers = range(first, first + rows)
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int64())
    values = np.arange(tokens, dtype=np.int64) + 100 * first
    sequence = (values[:, np.newaxis] / 8 + np.array([0, 0.5, 0.25])).astype(np.float32)
    return pa.RecordBatch.from_pydict(
        {
            "id": pa.array([b"row %d" % number for number in numbers], pa.binary()),
            **columns,
            "window": pa.array(np.zeros(rows, np.int64)),
            "window_start": pa.array(np.zeros(rows, np.int64)),
            "truncated": pa.array([number % 2 for number in numbers], pa.int64()),
            "input_ids": pa.LargeListArray.from_arrays(offsets, pa.array(values)),
            "segment_ids": pa.LargeListArray.from_arrays(offsets, pa.array(values * 0)),
            "pooled_output": float_lists(np.arange(rows * HIDDEN, dtype=np.float32) / 4, np.full(rows, HIDDEN)),
            "sequence_output": float_lists(sequence, np.array(lengths) * HIDDEN),
            "mean_output": float_lists(-np.arange(rows * HIDDEN, dtype=np.float32), np.full(rows, HIDDEN)),
        }
    )


def make_manifest(output: OutputDirectory, rows: list[pa.RecordBatch], encoding: str, **changes: Any) -> Manifest:
    """The manifest of what is staged."""
    fields: dict[str, Any] = {
        "created": "2026-01-02T03:04:05+00:00",
        "counts": {
            "documents": sum(batch.num_rows for batch in rows),
            "rows": sum(batch.num_rows for batch in rows),
            "tokens": sum(len(batch.column("input_ids").flatten()) for batch in rows),
            "truncated": sum(batch.column("truncated").sum().as_py() for batch in rows),
            "failures": 0,
        },
        "failures_by_reason": {},
        "shards": output.staged_files("embeddings-"),
        "failure_shards": output.staged_files("failures-"),
        "embeddings": EMBEDDINGS,
        "hidden_size": HIDDEN,
        "encoding": encoding,
        "model": {"name": "m", "fingerprint": "f", "precision": "float32"},
        "transform": {},
        "options": {},
        "measured": {},
        "versions": {},
    }
    return Manifest(**{**fields, **changes})


def publish_rows(
    directory: Path, rows: list[pa.RecordBatch], *, encoding: Encoding = "float_list", failures: list[str] | None = None
) -> OutputDirectory:
    """A finished output, one shard for each batch."""
    output = OutputDirectory(str(directory))
    output.prepare(overwrite=True)
    for number, batch in enumerate(rows):
        with tf.io.TFRecordWriter(f"{output.staging}/embeddings-{number:05d}-of-{len(rows):05d}.tfrecord") as writer:
            for example in encode_examples(batch, encoding):
                writer.write(example)
    Path(f"{output.staging}/failures-00000-of-00001.jsonl").write_text("".join(f"{line}\n" for line in failures or []))
    manifest = make_manifest(output, rows, encoding)
    if failures:
        manifest.counts["failures"] = len(failures)
    output.publish(manifest, describe_examples(EMBEDDINGS, HIDDEN, encoding))
    return output
