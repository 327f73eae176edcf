"""`RowGroupWriter`: writes rows to a Parquet file, a row group at a time."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq

from albert_embed.pipeline.formats.row_format import RowWriter

# A row group is the unit that a reader holds in memory or skips: DuckDB and Spark divide a file by them, and BigQuery
# reads them in parallel. Each worker holds at most this much of one in memory.
ROW_GROUP_BYTES = 64 << 20


class RowGroupWriter(RowWriter):
    """See `RowWriter`.

    Args:
      writer: of the file.
      convert: converts embedded rows to those of the file.
      row_group_bytes: a row group is written when its rows take this much memory.
    """

    def __init__(
        self,
        writer: pq.ParquetWriter,
        convert: Callable[[pa.RecordBatch], pa.RecordBatch],
        row_group_bytes: int = ROW_GROUP_BYTES,
    ) -> None:
        self._writer = writer
        self._convert = convert
        self._row_group_bytes = row_group_bytes
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_bytes = 0
        self._written_bytes = 0

    def write(self, rows: pa.RecordBatch) -> None:
        """See `RowWriter.write`."""
        converted = self._convert(rows)
        self._waiting.append(converted)
        self._waiting_bytes += converted.nbytes
        if self._waiting_bytes >= self._row_group_bytes:
            self._write_row_group()

    @property
    def size(self) -> int:
        """See `RowWriter.size`; these are sizes in memory, to which those in the file are close."""
        return self._written_bytes + self._waiting_bytes

    def finish(self) -> None:
        """See `RowWriter.finish`."""
        if self._waiting:
            self._write_row_group()
        self._writer.close()

    def abandon(self) -> None:
        """See `RowWriter.abandon`."""
        self._writer.is_open = False  # else it writes the rest when it is deleted

    def _write_row_group(self) -> None:
        table = pa.Table.from_batches(self._waiting)
        self._writer.write_table(table, row_group_size=table.num_rows)
        self._written_bytes += self._waiting_bytes
        self._waiting, self._waiting_bytes = [], 0
