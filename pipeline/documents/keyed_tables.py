"""Tables as they go through a shuffle: cut by a key, and each piece as a compressed Arrow stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


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


def cut_by_numbers(rows: pa.Table, numbers: np.ndarray) -> Iterator[tuple[int, pa.Table]]:
    """Yields (number, its rows) for each number that there is, in order.

    Args:
      rows: of any columns.
      numbers: `[rows]` int, the number of each row.
    """
    if not rows.num_rows:
        return
    order = np.argsort(numbers, kind="stable")
    found, starts = np.unique(numbers[order], return_index=True)
    rows = rows.combine_chunks().take(pa.array(order))  # finding a row takes longer in a table of many chunks
    for number, start, end in zip(found.tolist(), starts, [*starts[1:], len(order)], strict=True):
        yield number, rows.slice(start, end - start)


def cut_by_column(rows: pa.Table, name: str) -> Iterator[tuple[bytes, pa.Table]]:
    """Yields (value, its rows without the column) for each value of a column of bytes without nulls."""
    encoded = pc.dictionary_encode(rows[name].combine_chunks())
    values = encoded.dictionary.to_pylist()
    for number, part in cut_by_numbers(rows.drop_columns([name]), np.asarray(encoded.indices)):
        yield values[number], part
