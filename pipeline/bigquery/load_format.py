"""`LoadFormat`: shards of Parquet that BigQuery loads, with the columns of the table.

Beam's `WriteToBigQuery` takes a Python dict for each row and writes JSON or Avro of it, one float at a time. Here a
load job reads Parquet that was made of whole columns (what that gains: benchmarks/NOTES.md), and the files are shards
like those of any other sink, so that a run that was killed goes on from them.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from albert_embed.pipeline.bigquery.table_layout import TableLayout
from albert_embed.pipeline.bigquery.table_rows import make_table_rows
from albert_embed.pipeline.formats.row_format import ShardFile

LOAD_FORMAT = "bigquery"
# So much of a row group waits in the memory of each worker. BigQuery reads row groups in parallel.
ROW_GROUP_BYTES = 64 << 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class LoadFormat:
    """A `ShardFormat` (`pipeline.formats.row_format`).

    Attributes:
      layout: the columns of the table.
      pieces: the piece of every id of the vocabulary, where the table has the column `tokens`.
      fingerprint: what the rows are made with.
      row_group_bytes: a row group is written when its rows take so much memory.
    """

    name: ClassVar[str] = LOAD_FORMAT
    layout: TableLayout
    pieces: tuple[str, ...] = dataclasses.field(default=(), repr=False)
    fingerprint: str
    row_group_bytes: int = ROW_GROUP_BYTES

    def begin(self, file: Any) -> ShardFile:
        """See `ShardFormat.begin`."""
        return LoadFile(file, self)


class LoadFile:
    """A `ShardFile`."""

    def __init__(self, file: Any, format_: LoadFormat) -> None:
        self._format = format_
        # Vectors are noise to a compressor, which would take longer than the network gains by it.
        self._writer = pq.ParquetWriter(
            file, format_.layout.arrow_schema, compression="none", use_dictionary=False, write_statistics=False
        )
        self._waiting: list[pa.Table] = []
        self._waiting_bytes = 0
        self._written_bytes = 0

    def write(self, rows: pa.RecordBatch) -> None:
        """See `ShardFile.write`; written a row group at a time."""
        converted = make_table_rows(rows, self._format.layout, self._format.pieces, self._format.fingerprint)
        self._waiting.append(converted)
        self._waiting_bytes += converted.nbytes
        if self._waiting_bytes >= self._format.row_group_bytes:
            self._write_row_group()

    @property
    def size(self) -> int:
        """See `ShardFile.size`; the sizes in memory, which those in the file come close to."""
        return self._written_bytes + self._waiting_bytes

    def finish(self) -> None:
        """See `ShardFile.finish`."""
        if self._waiting:
            self._write_row_group()
        self._writer.close()

    def abandon(self) -> None:
        """See `ShardFile.abandon`."""
        self._writer.is_open = False  # else it closes itself when it is collected

    def _write_row_group(self) -> None:
        table = pa.concat_tables(self._waiting)
        self._writer.write_table(table, row_group_size=table.num_rows)
        self._written_bytes += self._waiting_bytes
        self._waiting, self._waiting_bytes = [], 0
