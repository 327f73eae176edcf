"""Which fields the files of a run have, as far as that is known before it."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator, Sequence
from functools import partial

from albert_embed.pipeline.inputs.look_into_files import look_into_files
from albert_embed.pipeline.inputs.read_files import UnreadableFileError, read_range
from albert_embed.pipeline.listing.input_files import InputFile
from albert_embed.pipeline.records.batching import BATCH_BYTES, BATCH_RECORDS
from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.partitions import find_partitions
from albert_embed.pipeline.records.record_fields import NULLS, RecordFields, describe_missing_field, find_missing_field
from albert_embed.pipeline.records.records import Records
from albert_embed.pipeline.settings.field_type import FLOAT, INT64, STRING
from albert_embed.pipeline.sources.source import Source
from albert_embed.pipeline.storage.open_input import open_input
from albert_embed.pipeline.storage.paths import show_path

# So many batches are looked through for a field before the run: some 128 MB, a few seconds, where none has it.
_MAX_BATCHES = 64

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FileFields:
    """The fields of one file, which its schema or header names.

    Attributes:
      path: of the file.
      types: field → the name of its type in `--keep-fields` (`Source.read_field_types`), those of its folders included.
    """

    path: str
    types: dict[str, str]


def read_file_fields(files: Sequence[InputFile], source: Source) -> list[FileFields]:
    """Reads the fields of the files, or of some of many. What names none, or is broken, is left to the workers."""
    found = look_into_files([file.path for file in files], partial(_read_types, source=source))
    return [FileFields(path=path, types=types) for path, types in found if types]


def merge_types(found: Sequence[FileFields]) -> dict[str, str]:
    """Returns each field's type: that of the first file where it is not null throughout, float if some have floats."""
    merged: dict[str, str] = {}
    for file in found:
        for name, type_ in file.types.items():
            before = merged.setdefault(name, type_)
            if before in NULLS or (before, type_) == (INT64.name, FLOAT.name):
                merged[name] = type_
    return merged


def check_file_fields(found: Sequence[FileFields], fields: RecordFields) -> None:
    """Refuses fields that a file does not have.

    Raises:
      ValueError: if one is missing; it names the file and the nearest field.
    """
    for file in found:
        missing = find_missing_field(fields, file.types, file.path)
        if missing is not None:
            raise ValueError(missing)


def check_record_fields(files: Sequence[InputFile], source: Source, fields: RecordFields) -> None:
    """Looks for the fields in the records, where each has fields of its own, and warns if the first have not.

    Raises:
      OSError: if a file can't be read.
      ValueError: if no record of the input has one of the fields.
    """
    missing = dict(fields.list_options())
    known: set[str] = set()
    records, batches = 0, 0.0
    for found in _read_records(files, source, fields):
        missing = {field: option for field, option in missing.items() if not found.has_field(field)}
        if not missing:
            return
        known |= found.list_names()
        records += len(found.positions)
        batches += max(len(found.positions) / BATCH_RECORDS, sum(map(len, found.raw or ())) / BATCH_BYTES)
        if batches >= _MAX_BATCHES:
            lack = f"none of the first {records:,} records has such a field"
            for field, option in missing.items():
                logger.warning("%s", describe_missing_field(option, field, known, lack))
            return
    if records:
        field, option = next(iter(missing.items()))
        raise ValueError(describe_missing_field(option, field, known, "no record of the input has such a field"))


def list_first_fields(files: Sequence[InputFile], source: Source, fields: RecordFields) -> set[str]:
    """Returns the fields of the first records; none if there are no records."""
    first = next(_read_records(files, source, fields), None)
    return set() if first is None else first.list_names()


def _read_types(path: str, source: Source) -> dict[str, str]:
    try:
        with open_input(path) as file:
            types = source.read_field_types(file)
    except Exception as e:  # each library has its own
        logger.warning("%s has no readable types of fields: %s", show_path(path), e)
        return {}
    return {**dict.fromkeys(find_partitions(path), STRING.name), **types} if types else {}


def _read_records(files: Sequence[InputFile], source: Source, fields: RecordFields) -> Iterator[Records]:
    for file in files:
        part = FileRange(path=file.path, name=file.name)
        try:
            yield from (found for found in read_range(part, source, fields) if isinstance(found, Records))
        except UnreadableFileError as e:
            raise OSError(str(e)) from e
