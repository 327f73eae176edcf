"""`Source`: a format of input files."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from typing import BinaryIO

from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.transforms.steps.failure import Failure

START_BYTES = 4096  # how much of a file's decompressed content is looked at to tell its format


class Source(abc.ABC):
    """How the files of one format are recognised and read. Formats differ in nothing else.

    It knows nothing of a file but what is in the arguments.

    Attributes:
      name: what `--format` calls it.
      endings: of the names that its files go by, in lower case, without that of a compression.
      has_fields: whether its records have fields that the user can name; else each is a text and nothing more.
      has_schema: whether each file names its fields (`read_field_types`), so that a file can lack one.
      is_text: whether its files are text, which must be UTF-8.
      is_compressible: whether a file can be compressed as a whole, and is read from its start to its end.
      is_sequential: whether a file, or a range of it, is read from its start to its end.
      splittable: whether a file that is not compressed can be read in ranges of bytes, by several workers.
    """

    name: str
    endings: tuple[str, ...] = ()
    has_fields: bool = True
    has_schema: bool = False
    is_compressible: bool = True
    is_sequential: bool = True
    splittable: bool = False
    is_text: bool = False

    def configure(self, options: EmbedOptions) -> Source:
        """Returns the format as the options of a run ask for it to be read."""
        return self

    def recognises(self, start: bytes) -> bool:
        """Returns whether a file whose decompressed content starts like this certainly has this format."""
        return False

    def suits(self, start: bytes) -> bool:
        """Returns whether a file whose name tells nothing is read in this format, for what its content starts with."""
        return self.recognises(start)

    def read_field_types(self, file: BinaryIO) -> dict[str, str]:
        """Reads the fields that a file itself names, with the names of their types in `--keep-fields`.

        A type that can't be kept is "?" and its name in the file. Formats without a schema name no fields.

        Raises:
          Exception: if the file is damaged; which one depends on the library that reads it.
        """
        return {}

    @abc.abstractmethod
    def read(self, file: BinaryIO, part: FileRange, fields: RecordFields) -> Iterator[Records | Failure]:
        """Returns the records of a file, and a failure for each that can't be read.

        Args:
          file: opened and decompressed.
          part: the file's path and name; and if `splittable`, the range of bytes that the wanted records start in.
          fields: which are wanted; others need not be given.

        Raises:
          Exception: if the rest of the file can't be read, after what stands before that. It becomes one failure.
        """
