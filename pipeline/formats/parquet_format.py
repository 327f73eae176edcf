"""`ParquetFormat`: shards of Parquet."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from albert_embed.pipeline.formats import shard_file
from albert_embed.pipeline.formats.parquet_rows import from_parquet_rows, make_parquet_schema, to_parquet_rows
from albert_embed.pipeline.formats.row_group_writer import ROW_GROUP_BYTES, RowGroupWriter
from albert_embed.pipeline.formats.row_schema import Column, RowSchema
from albert_embed.pipeline.formats.shard_file import DamagedShardError, open_parquet
from albert_embed.transforms.rows.columns import ID, WINDOW


@dataclasses.dataclass(frozen=True, kw_only=True)
class ParquetFormat:
    """A `RowFormat`: the columns of `make_parquet_schema`.

    Attributes:
      schema: of the rows.
      metadata: what the files say about themselves, in the metadata of their schema.
      row_group_bytes: a row group is written when its rows take this much memory.
    """

    name: ClassVar[str] = "parquet"
    schema: RowSchema
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)
    row_group_bytes: int = ROW_GROUP_BYTES

    def open_writer(self, file: Any) -> RowGroupWriter:
        """See `WritableFormat.open_writer`."""
        columns = self.schema.sorted_columns
        writer = pq.ParquetWriter(
            file,
            make_parquet_schema(self.schema).with_metadata(dict(self.metadata)),
            # Vectors are noise to a compressor, which saves 8 % of them (measured), and their dictionaries and
            # statistics are useless. Token ids, eight bytes each, shrink to a third or less.
            compression={self._leaf(column): "none" if column.is_vector else "zstd" for column in columns},
            use_dictionary=[self._leaf(column) for column in columns if column.is_string and column.name != ID],
            write_statistics=[ID, WINDOW],
            write_page_checksum=True,
        )
        return RowGroupWriter(writer, functools.partial(to_parquet_rows, schema=self.schema), self.row_group_bytes)

    def _leaf(self, column: Column) -> str:
        """Returns the path of the values in the file, such as `sequence_output.list.element.list.element`."""
        shape = column.shape[:-1] if self.schema.holds_bytes(column) else column.shape
        return ".".join([column.name, *("list.element" for _ in shape)])

    def read(self, paths: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """See `RowFormat.read`."""
        for path in paths:
            with open_parquet(path) as shard:
                yield from self._read_file(shard)

    def take(self, path: str, places: Sequence[int], columns: Sequence[str]) -> pa.RecordBatch:
        """See `RowFormat.take`; only the row groups that have one of the rows are read, and of them these columns."""
        wanted, parts, first = np.asarray(places, np.int64), [], 0
        with open_parquet(path) as shard:
            if wanted[-1] >= shard.metadata.num_rows:
                raise DamagedShardError(f"{path} has fewer than {wanted[-1] + 1} rows")
            for number in range(shard.metadata.num_row_groups):
                last = first + shard.metadata.row_group(number).num_rows
                inside = wanted[(wanted >= first) & (wanted < last)]
                if len(inside):
                    parts.append(shard.read_row_group(number, columns=list(columns)).take(inside - first))
                first = last
        schema = pa.schema([field for field in self.schema.arrow if field.name in columns])
        return pa.concat_tables(parts).select(schema.names).cast(schema).combine_chunks().to_batches()[0]

    def _read_file(self, shard: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
        groups = [shard.metadata.row_group(number) for number in range(shard.metadata.num_row_groups)]
        row_bytes = max(1, sum(group.total_byte_size for group in groups) // max(1, shard.metadata.num_rows))
        rows = max(1, min(shard_file.MAX_BATCH_ROWS, shard_file.MAX_BATCH_BYTES // row_bytes))
        for batch in shard.iter_batches(batch_size=rows):
            yield from_parquet_rows(batch, self.schema)

    def make_dataset(self, paths: Sequence[str]) -> Any:
        """See `RowFormat.make_dataset`: Arrow's reader as a generator, because TensorFlow does not read Parquet."""
        import tensorflow as tf

        from albert_embed.pipeline.formats.row_tensors import list_tensors, make_signature

        def generate() -> Iterator[dict[str, Any]]:
            for batch in self.read(paths):
                yield from list_tensors(batch, self.schema)

        return tf.data.Dataset.from_generator(generate, output_signature=make_signature(self.schema))
