"""`ParquetFormat`: shards of Parquet."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from albert_embed.pipeline.formats.parquet_rows import VECTORS, from_parquet_rows, to_parquet_rows
from albert_embed.pipeline.settings.field_type import FieldType
from albert_embed.transforms.columns import ID, TOKEN_PIECES, WINDOW

# A row group is what a reader holds in memory and what it skips: DuckDB and Spark share a file out by them. So much of
# one waits in the memory of each worker.
ROW_GROUP_BYTES = 64 << 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class ParquetFormat:
    """A `ShardFormat`: the columns of `to_parquet_rows`.

    Attributes:
      hidden_size: width of a vector.
      kept: the fields that are passed through, with their types.
      half: whether vectors are float16.
      metadata: what the files say of themselves, in the metadata of their schema.
      row_group_bytes: a row group is written when its rows take so much memory.
    """

    name: ClassVar[str] = "parquet"
    hidden_size: int
    kept: Mapping[str, FieldType]
    half: bool = False
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)
    row_group_bytes: int = ROW_GROUP_BYTES

    def begin(self, file: Any) -> ParquetFile:
        """See `ShardFormat.begin`."""
        return ParquetFile(file, self)


class ParquetFile:
    """A `ShardFile`. The first rows fix its schema."""

    def __init__(self, file: Any, format_: ParquetFormat) -> None:
        self._file = file
        self._format = format_
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_bytes = 0
        self._written_bytes = 0

    def write(self, rows: pa.RecordBatch) -> None:
        """See `ShardFile.write`; written a row group at a time."""
        converted = to_parquet_rows(
            rows, hidden_size=self._format.hidden_size, kept=self._format.kept, half=self._format.half
        )
        if self._writer is None:
            self._writer = _open_writer(self._file, converted.schema, self._format)
        self._waiting.append(converted)
        self._waiting_bytes += converted.nbytes
        if self._waiting_bytes >= self._format.row_group_bytes:
            self._write_row_group(self._writer)

    @property
    def size(self) -> int:
        """See `ShardFile.size`; the sizes in memory, which those in the file come close to."""
        return self._written_bytes + self._waiting_bytes

    def finish(self) -> None:
        """See `ShardFile.finish`."""
        if self._writer is not None:
            if self._waiting:
                self._write_row_group(self._writer)
            self._writer.close()

    def abandon(self) -> None:
        """See `ShardFile.abandon`."""
        if self._writer is not None:
            self._writer.is_open = False  # else it closes itself when it is collected

    def _write_row_group(self, writer: pq.ParquetWriter) -> None:
        table = pa.Table.from_batches(self._waiting)
        writer.write_table(table, row_group_size=table.num_rows)
        self._written_bytes += self._waiting_bytes
        self._waiting, self._waiting_bytes = [], 0


def _open_writer(file: Any, schema: pa.Schema, format_: ParquetFormat) -> pq.ParquetWriter:
    strings = [name for name, type_ in format_.kept.items() if str(type_) == "string"]
    string_lists = [f"{name}.list.element" for name, type_ in format_.kept.items() if str(type_) == "string[]"]
    if TOKEN_PIECES in schema.names:
        string_lists.append(f"{TOKEN_PIECES}.list.element")
    return pq.ParquetWriter(
        file,
        schema.with_metadata(dict(format_.metadata)),
        # Vectors are noise to a compressor, which saves 8 % of them (measured), and dictionaries and statistics of them
        # are of no use. Ids of tokens, eight bytes each, shrink to a third and less.
        compression={path: "none" if path.split(".")[0] in VECTORS else "zstd" for path in _list_leaves(schema)},
        use_dictionary=[*strings, *string_lists],
        write_statistics=[ID, WINDOW],
        write_page_checksum=True,
    )


def _list_leaves(schema: pa.Schema) -> list[str]:
    """The paths of the columns as they are stored, such as `sequence_output.list.element.list.element`."""
    leaves = []
    for field in schema:
        path, type_ = field.name, field.type
        while pa.types.is_list(type_) or pa.types.is_fixed_size_list(type_):
            path, type_ = f"{path}.list.element", type_.value_type
        leaves.append(path)
    return leaves


def read_parquet_rows(
    file: Any, kept: Mapping[str, FieldType], *, batch_bytes: int, batch_rows: int
) -> Iterator[pa.RecordBatch]:
    """The rows of a shard, as `pipeline.read_embeddings` yields them.

    Args:
      file: a local path, or a file open for reading bytes.
      kept: the fields that were passed through, with their types.
      batch_bytes, batch_rows: a batch has about so much at most.

    Raises:
      pyarrow.ArrowInvalid, OSError: where the file is damaged.
    """
    with pq.ParquetFile(file, page_checksum_verification=True, pre_buffer=False) as shard:
        rows = shard.metadata.num_rows
        size = sum(shard.metadata.row_group(group).total_byte_size for group in range(shard.metadata.num_row_groups))
        row_bytes = max(1, size // max(1, rows))
        for batch in shard.iter_batches(batch_size=max(1, min(batch_rows, batch_bytes // row_bytes))):
            yield from_parquet_rows(batch, kept)
