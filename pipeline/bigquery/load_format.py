"""`LoadFormat`: shards of Parquet that BigQuery loads, with the columns of the table.

Beam's `WriteToBigQuery` takes a Python dict for each row and writes it as JSON or Avro, one float at a time. Here a
load job reads Parquet that was made from whole columns (benchmarks/NOTES.md says what that gains). The files are shards
like those of any other sink, so a run that was killed continues from them.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, ClassVar

import pyarrow.parquet as pq

from albert_embed.pipeline.bigquery.table_layout import TableLayout
from albert_embed.pipeline.bigquery.table_rows import make_table_rows
from albert_embed.pipeline.formats.row_group_writer import ROW_GROUP_BYTES, RowGroupWriter
from albert_embed.pipeline.settings.embed_choices import BIGQUERY

LOAD_FORMAT = BIGQUERY


@dataclasses.dataclass(frozen=True, kw_only=True)
class LoadFormat:
    """A `WritableFormat` (`pipeline.formats.row_format`).

    Attributes:
      layout: the columns of the table.
      pieces: the piece of every id of the vocabulary, where the table has the column `tokens`.
      fingerprint: of what the rows are made with.
      row_group_bytes: a row group is written when its rows take this much memory.
    """

    name: ClassVar[str] = LOAD_FORMAT
    layout: TableLayout
    pieces: tuple[str, ...] = dataclasses.field(default=(), repr=False)
    fingerprint: str
    row_group_bytes: int = ROW_GROUP_BYTES

    def open_writer(self, file: Any) -> RowGroupWriter:
        """See `WritableFormat.open_writer`."""
        # Vectors are noise to a compressor, which would take more time than it saves on the network.
        writer = pq.ParquetWriter(
            file, self.layout.arrow_schema, compression="none", use_dictionary=False, write_statistics=False
        )
        convert = functools.partial(
            make_table_rows, layout=self.layout, pieces=self.pieces, fingerprint=self.fingerprint
        )
        return RowGroupWriter(writer, convert, self.row_group_bytes)
