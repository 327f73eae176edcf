"""`FileInput`: the files of a run, listed once, and their format."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Sequence
from typing import Any

from albert_embed.pipeline.inputs.check_content import describe_compressed, describe_content, read_start
from albert_embed.pipeline.inputs.choose_source import choose_source
from albert_embed.pipeline.inputs.input_fields import (
    FileFields,
    check_file_fields,
    check_record_fields,
    list_first_fields,
    merge_types,
    read_file_fields,
)
from albert_embed.pipeline.inputs.look_into_files import look_into_files
from albert_embed.pipeline.inputs.read_files import FileReader
from albert_embed.pipeline.inputs.split_files import (
    MAX_RANGE_BYTES,
    choose_range_bytes,
    estimate_content,
    split_files,
)
from albert_embed.pipeline.listing.input_files import InputFile
from albert_embed.pipeline.records.part import InputParts
from albert_embed.pipeline.records.record_fields import FieldTypes, RecordFields
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.kept_fields import list_kept_fields
from albert_embed.pipeline.sources.source import Source
from albert_embed.pipeline.storage.paths import show_path


@dataclasses.dataclass(frozen=True, kw_only=True)
class FileInput:
    """The files that a run reads.

    Attributes:
      source: the format of all files.
      files: in the order of their paths.
      repeatable: whether a later run can read the same files.
      range_bytes: length of the ranges in which they are read.
      is_sampled: whether some files of many have told the format (`ChosenSource`).
    """

    source: Source
    files: tuple[InputFile, ...]
    repeatable: bool = True
    range_bytes: int = MAX_RANGE_BYTES
    is_sampled: bool = False

    @property
    def format(self) -> str:
        """The name of the format in `--format`."""
        return self.source.name

    @property
    def fingerprint(self) -> str | None:
        """Returns a hash of the files' names, sizes and times, which shows whether the input has changed."""
        if not self.repeatable:
            return None
        listed: list[Any] = [file.to_dict() for file in self.files]
        if self.is_sampled:  # then files fail that would not if the format were given
            listed.append(self.source.name)
        return hashlib.sha256(json.dumps(listed).encode()).hexdigest()

    @functools.cached_property
    def _file_fields(self) -> list[FileFields]:
        return read_file_fields(self.files, self.source) if self.source.has_schema else []

    def find_field_types(self, wanted: Sequence[str]) -> FieldTypes:
        """Returns the types of the fields of all files, in the name of the first; none where files name none."""
        return FieldTypes(named_by=show_path(self.files[0].path), types=merge_types(self._file_fields))

    def check_fields(self, fields: RecordFields) -> None:
        """Refuses fields that the files do not have, as far as that can be known before the run.

        Raises:
          OSError: if a file can't be read.
          ValueError: if a file, or all records, lack a field.
        """
        if self.source.has_schema:
            check_file_fields(self._file_fields, fields)
        elif self.source.has_fields:
            check_record_fields(self.files, self.source, fields)

    def list_known_fields(self) -> set[str]:
        """Returns the fields of the input, as far as they are known without reading it."""
        if self.source.has_schema:
            return set(merge_types(self._file_fields))
        return list_first_fields(self.files, self.source, RecordFields())

    def open_parts(self, fields: RecordFields, range_bytes: int | None = None) -> InputParts:
        """Returns the ranges of all files, and what reads them.

        Args:
          fields: which fields of records are read.
          range_bytes: length of the ranges; None for that of the attribute.
        """
        length = self.range_bytes if range_bytes is None else range_bytes
        return InputParts(
            parts=split_files(self.files, splittable=self.source.splittable, range_bytes=length),
            reader=FileReader(source=self.source, fields=fields, is_sampled=self.is_sampled),
            bytes=sum(estimate_content(file) for file in self.files),
        )


def make_file_input(files: tuple[InputFile, ...], options: EmbedOptions, *, workers: int | None = None) -> FileInput:
    """Finds out the format of the files.

    Args:
      files: all of the run.
      options: of the run.
      workers: how many read at the same time; None where that is not known.

    Raises:
      ValueError: if they are of several formats, or the options name fields and the format has none.
    """
    chosen = choose_source(files, options.format)
    source = chosen.source
    kept = {field.field for field in list_kept_fields(options.keep_fields)}
    if not source.has_fields and (
        options.pair_field or options.id_field or options.text_field != "text" or not kept <= {"text"}
    ):
        raise ValueError(
            "--text-field, --id-field, --pair-field and --keep-fields name fields of records, but the input is "
            "read as plain text, whose only field to keep is 'text'; give --format jsonl, json, csv, tsv, parquet, "
            "tfrecord or avro"
        )
    _check_files(files, source)
    return FileInput(
        source=source.configure(options),
        files=files,
        repeatable=not options.reads_standard_input,
        range_bytes=choose_range_bytes(files, workers),
        is_sampled=chosen.is_sampled,
    )


def _check_files(files: Sequence[InputFile], source: Source) -> None:
    """Looks into the files, or into some of many; the workers look into all.

    Raises:
      OSError: if one can't be read.
      ValueError: if the content of one is not what it should be.
    """
    for path, start in look_into_files([file.path for file in files], read_start):
        problem = describe_compressed(path, source) or describe_content(start, source)
        if problem is not None:
            raise ValueError(f"--input names {show_path(path)}: {problem}")
