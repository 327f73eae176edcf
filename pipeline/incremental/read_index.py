"""Reads what is published, to join it with an input: the index shards and the tombstones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.dataset.published_output import PublishedFile
from albert_embed.pipeline.dataset.tombstones import GENERATION
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
            with FileSystems.open(file.path, compression_type="uncompressed") as opened:
                yield from read_generation(opened, file.generation, self._schema)
        except (pa.ArrowException, OSError) as e:
            raise OutputError(
                f"{file.path} can't be read: {e}; the output was damaged after it was published; give --rebuild"
            ) from e


def read_generation(file: Any, generation: int, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yields the rows of an open Parquet file with the columns of `schema`, including `generation`.

    Raises:
      pyarrow.ArrowInvalid, OSError: if the file is damaged.
    """
    names = [name for name in schema.names if name != GENERATION]
    with pq.ParquetFile(file, page_checksum_verification=True) as parquet:
        for batch in parquet.iter_batches(columns=names):
            columns = {name: batch.column(name) for name in names}
            columns[GENERATION] = pa.repeat(pa.scalar(generation, pa.int64()), batch.num_rows)
            yield pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)
