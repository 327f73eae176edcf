"""Divides documents into buckets by their ids, so that Beam joins them without moving one at a time."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.utils.windowed_value import WindowedValue

from albert_embed.pipeline.documents.keyed_tables import cut_by_numbers, to_bytes
from albert_embed.transforms.rows.columns import ID
from albert_embed.transforms.steps.bundle_end import at_end_of_all

# A bucket is joined in one worker's memory. Of a document of the input, and of one that is published, about so many
# bytes are held there (measured, ids of 32 bytes: id, hash, place or counts).
_BUCKET_BYTES = 50 << 20
_DOCUMENT_BYTES = 100
# Of a corpus of which only the size is known. Lines are rarely shorter.
_INPUT_BYTES_PER_DOCUMENT = 100
# Rows that wait in a worker to be sent together.
_WAITING_ROWS = 256 * 1024


def count_buckets(input_bytes: int, index_rows: int) -> int:
    """Returns in how many buckets documents are compared, so that none has much more than 50 MB.

    Args:
      input_bytes: size of the input; compressed files count as their content.
      index_rows: rows of the published index.
    """
    documents = input_bytes // _INPUT_BYTES_PER_DOCUMENT + index_rows
    return max(1, -(-documents * _DOCUMENT_BYTES // _BUCKET_BYTES))


def split_into_buckets(rows: pa.Table, buckets: int) -> Iterator[tuple[int, pa.Table]]:
    """Yields (bucket, its rows) for each bucket that has any, by the column `id`: equal ids go to the same bucket."""
    numbers = np.fromiter((zlib.crc32(id_) for id_ in rows[ID].to_pylist()), np.int64, rows.num_rows) % buckets
    return cut_by_numbers(rows, numbers)


class SplitIntoBuckets(beam.DoFn):
    """Calls `split_into_buckets` for some hundred thousand rows at a time, and yields each bucket as bytes.

    Args:
      schema: the columns to keep.
      buckets: how many buckets there are.
    """

    def __init__(self, schema: pa.Schema, buckets: int) -> None:
        self._schema = schema
        self._buckets = buckets
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0

    def start_bundle(self) -> None:
        self._waiting, self._rows = [], 0

    def process(self, rows: pa.RecordBatch) -> Iterator[tuple[int, bytes]]:
        self._waiting.append(rows.select(self._schema.names))
        self._rows += rows.num_rows
        if self._rows >= _WAITING_ROWS:
            yield from self._flush()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        for bucket in self._flush():
            yield at_end_of_all(bucket)

    def _flush(self) -> Iterator[tuple[int, bytes]]:
        rows = pa.Table.from_batches(self._waiting, self._schema)
        self._waiting, self._rows = [], 0
        for number, bucket in split_into_buckets(rows, self._buckets):
            yield number, to_bytes(bucket)
