"""RecordBatches between workers: small, whole, and used wherever a step says that it gives RecordBatches."""

from __future__ import annotations

import pickle
from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam import coders
from apache_beam.testing.util import assert_that, equal_to

from albert_embed.transforms.steps.record_batch_coder import RecordBatchCoder


def make_batch(rows: int) -> pa.RecordBatch:
    lists = pa.array([list(range(row % 7)) for row in range(rows)], pa.large_list(pa.int64()))
    ids = pa.array([str(row).encode() for row in range(rows)], pa.binary())
    return pa.RecordBatch.from_arrays([ids, lists], names=["id", "input_ids"])


def test_a_slice_travels_without_what_it_was_cut_from() -> None:
    whole = make_batch(100_000)
    part = whole.slice(50_000, 10)
    encoded = RecordBatchCoder().encode(part)
    assert len(encoded) < 2_000 < len(pickle.dumps(part))
    assert RecordBatchCoder().decode(encoded).equals(part)


def test_metadata_empty_batches_and_nulls_come_back() -> None:
    coder = RecordBatchCoder()
    schema = pa.schema([("a", pa.float32()), ("b", pa.binary(16))], metadata={"padded_tokens": "7"})
    for values in ([], [None, 1.5, np.nan]):
        hashes = pa.array([b"0" * 16] * len(values), pa.binary(16))
        batch = pa.RecordBatch.from_arrays([pa.array(values, pa.float32()), hashes], schema=schema)
        found = coder.decode(coder.encode(batch))
        assert found.schema.equals(schema, check_metadata=True)
        assert found.num_rows == len(values) and coder.encode(found) == coder.encode(batch)


def test_it_is_the_coder_of_record_batches_and_is_sent_to_workers() -> None:
    coder = coders.registry.get_coder(pa.RecordBatch)
    assert type(coder) is RecordBatchCoder and coder.is_deterministic()
    assert type(pickle.loads(pickle.dumps(coder))) is RecordBatchCoder


def test_a_shuffle_uses_it(tmp_path: Path) -> None:
    """Counted where it encodes, since a pickled batch would come back equal, too."""
    marks = tmp_path / "encoded"

    class Counting(RecordBatchCoder):
        def encode(self, value: pa.RecordBatch) -> bytes:
            with open(marks, "a", encoding="utf-8") as file:
                file.write("x")
            return super().encode(value)

    coders.registry.register_coder(pa.RecordBatch, Counting)
    try:
        with beam.Pipeline() as pipeline:
            rows = (
                pipeline
                | beam.Create([3, 4])
                | "Make" >> beam.Map(make_batch).with_output_types(pa.RecordBatch)
                | beam.Reshuffle()
                | "Count" >> beam.Map(lambda batch: batch.num_rows)
            )
            assert_that(rows, equal_to([3, 4]))
    finally:
        coders.registry.register_coder(pa.RecordBatch, RecordBatchCoder)
    assert len(marks.read_text()) >= 2
