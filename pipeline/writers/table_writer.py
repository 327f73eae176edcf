"""`TableWriter`: a Parquet file of Arrow tables, such as tombstones."""

from __future__ import annotations

from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq

from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.writers.open_files import explain_failure
from albert_embed.pipeline.writers.staged_file import StagedFile
from albert_embed.pipeline.writers.write_files import WriteFiles

_FILE_BYTES = 64 << 20


class TableWriter:
    """Writes tables of one schema to a file. Not thread-safe.

    Args:
      directory: the staging folder of the run.
      prefix: of the file's name.
      schema: of the tables.

    Raises:
      ShardWriteError: if the file system refuses, here and in every method.
    """

    def __init__(self, directory: str, prefix: str, schema: pa.Schema) -> None:
        self._directory = directory
        self._rows = 0
        self._file = StagedFile(directory, prefix, ".parquet")
        with explain_failure(directory):
            self._writer = pq.ParquetWriter(self._file.content, schema, compression="zstd", write_page_checksum=True)

    def write(self, table: pa.Table) -> None:
        """Writes a table."""
        self._rows += table.num_rows
        with explain_failure(self._directory):
            self._writer.write_table(table)

    @property
    def size(self) -> int:
        """How many bytes the file has by now."""
        return self._file.size

    def finish(self) -> DataFile:
        """Closes the file; its path is in the folder of its run."""
        with explain_failure(self._directory):
            self._writer.close()
        return self._file.finish(self._rows)

    def abandon(self) -> None:
        """Abandons the file."""
        self._writer.is_open = False  # else it writes the rest when it is deleted
        self._file.abandon()


def make_write_tables(directory: str, prefix: str, schema: pa.Schema) -> WriteFiles:
    """Makes the step that writes tables; its files are `DataFile`s.

    Args:
      directory: the staging folder of the run.
      prefix: of the files' names.
      schema: of the tables.
    """
    return WriteFiles(partial(TableWriter, directory, prefix, schema), max_bytes=_FILE_BYTES)
