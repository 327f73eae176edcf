"""`FileSource`: whole files, one at a time, as Records and failures."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

from apache_beam.io.filebasedsource import FileBasedSource
from apache_beam.io.filesystem import CompressionTypes

from albert_embed.pipeline.sources.records import Records, fail_file
from albert_embed.pipeline.storage.open_input import open_input
from albert_embed.transforms.failure import Failure

logger = logging.getLogger(__name__)

Reader = Callable[[Any, str, list[str]], Iterator[Records | Failure]]


class FileSource(FileBasedSource):
    """The records of the files that match a pattern. A file that breaks costs what is left of it, and one failure.

    Args:
      pattern: a path or glob; one that matches nothing is an OSError when the pipeline is built.
      reader: reads an open file: `(file, its path, the fields wanted)` → Records and failures.
      fields: the names of the fields that are wanted.
    """

    def __init__(self, pattern: str, reader: Reader, fields: list[str]) -> None:
        super().__init__(pattern, compression_type=CompressionTypes.UNCOMPRESSED, splittable=False)
        self._reader = reader
        self._fields = fields

    def read_records(self, file_name: str, range_tracker: Any) -> Iterator[Records | Failure]:
        if not range_tracker.try_claim(range_tracker.start_position()):
            return
        yield from read_file(file_name, self._reader, self._fields)


def read_file(path: str, reader: Reader, fields: list[str]) -> Iterator[Records | Failure]:
    """The records of one file; whatever its library raises over its content becomes one failure, the last element."""
    records = 0
    try:
        with open_input(path) as file:
            for found in reader(file, path, fields):
                records += len(found.positions) if isinstance(found, Records) else 1
                yield found
    except MemoryError:
        raise
    except Exception as e:  # the libraries raise many kinds, and each says that this file can't be read
        logger.warning("%s is broken after %d records: %s", path, records, e)
        yield fail_file(path, f"can't be read after {records} records: {type(e).__name__}: {str(e)[:300]}")
