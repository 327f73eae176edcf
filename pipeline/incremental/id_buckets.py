"""Divides documents into buckets by their ids, so that Beam joins them without moving one at a time."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from albert_embed.transforms.columns import ID

# Each bucket is joined in one worker's memory: of a billion documents, a bucket holds four million, about 300 MB.
BUCKETS = 256
# Rows that wait in a worker to be sent together: a thousand per bucket, where the input has that many.
_WAITING_ROWS = 256 * 1024


def to_bytes(rows: pa.Table) -> bytes:
    """Encodes rows as a compressed Arrow stream. Ids and counts shrink to half or less."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(rows)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def from_bytes(parts: Iterable[bytes], schema: pa.Schema) -> pa.Table:
    """Decodes the rows of all parts that `to_bytes` wrote."""
    tables = [pa.ipc.open_stream(part).read_all() for part in parts]
    return pa.concat_tables([schema.empty_table(), *tables])


def split_into_buckets(rows: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """Yields (bucket, its rows) for each bucket that has any, by the column `id`: equal ids go to the same bucket."""
    buckets = np.fromiter((zlib.crc32(id_) for id_ in rows[ID].to_pylist()), np.int64, rows.num_rows) % BUCKETS
    order = np.argsort(buckets, kind="stable")
    numbers, starts = np.unique(buckets[order], return_index=True)
    ends = [*starts[1:], len(order)]
    rows = rows.combine_chunks()  # finding a row takes longer in a table of many chunks
    for number, start, end in zip(numbers.tolist(), starts, ends, strict=False):
        yield number, rows.take(pa.array(order[start:end]))


class SplitIntoBuckets(beam.DoFn):
    """Calls `split_into_buckets` for some hundred thousand rows at a time, and yields each bucket as bytes.

    Args:
      schema: the columns to keep; those that RecordBatches lack become null.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0

    def start_bundle(self) -> None:
        self._waiting, self._rows = [], 0

    def process(self, rows: pa.RecordBatch) -> Iterator[tuple[int, bytes]]:
        columns = [
            rows.column(field.name) if field.name in rows.schema.names else pa.nulls(rows.num_rows, field.type)
            for field in self._schema
        ]
        self._waiting.append(pa.RecordBatch.from_arrays(columns, schema=self._schema))
        self._rows += rows.num_rows
        if self._rows >= _WAITING_ROWS:
            yield from self._flush()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        window = GlobalWindow()
        for bucket in self._flush():
            yield WindowedValue(bucket, window.max_timestamp(), (window,))

    def _flush(self) -> Iterator[tuple[int, bytes]]:
        rows = pa.Table.from_batches(self._waiting, self._schema)
        self._waiting, self._rows = [], 0
        for number, bucket in split_into_buckets(rows):
            yield number, to_bytes(bucket)
