"""Reads what is published, to join it with an input: the index shards and the tombstones."""

from __future__ import annotations

from collections.abc import Iterator

import apache_beam as beam
import pyarrow as pa

from albert_embed.pipeline.dataset.published_output import PublishedFile
from albert_embed.pipeline.dataset.tombstones import GENERATION
from albert_embed.pipeline.formats.shard_file import DamagedShardError, open_parquet
from albert_embed.pipeline.storage.output_error import OutputError


class ReadPublishedFile(beam.DoFn):
    """Reads a Parquet file of a generation: RecordBatches of its rows with a column `generation`.

    Args:
      schema: of the result.

    Raises:
      OutputError: if the file is damaged.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema

    def process(self, file: PublishedFile) -> Iterator[pa.RecordBatch]:
        try:
            yield from read_generation(file, self._schema)
        except (DamagedShardError, OSError) as e:
            raise OutputError(f"{e}; the output was damaged after it was published; give --rebuild") from e


def read_generation(file: PublishedFile, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yields the rows of a Parquet file with the columns of `schema`, including `generation`.

    Raises:
      DamagedShardError: if the file is damaged.
      FileNotFoundError: if there is none.
    """
    names = [name for name in schema.names if name != GENERATION]
    with open_parquet(file.path) as parquet:
        for batch in parquet.iter_batches(columns=names):
            columns = {name: batch.column(name) for name in names}
            columns[GENERATION] = pa.repeat(pa.scalar(file.generation, pa.int64()), batch.num_rows)
            yield pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)
