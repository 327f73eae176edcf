"""`FileInput`: the files of a run, listed once, and their format."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
from collections.abc import Sequence
from typing import Any

import apache_beam as beam

from albert_embed.pipeline.inputs.check_content import describe_content, read_start
from albert_embed.pipeline.inputs.choose_source import choose_source
from albert_embed.pipeline.inputs.partitions import find_partitions
from albert_embed.pipeline.inputs.read_files import ReadFiles, read_range
from albert_embed.pipeline.inputs.split_files import MAX_RANGE_BYTES, choose_range_bytes
from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.field_type import STRING
from albert_embed.pipeline.sources.source import Source
from albert_embed.pipeline.storage.input_files import InputFile
from albert_embed.pipeline.storage.open_input import open_input
from albert_embed.pipeline.storage.paths import show_path

_CHECKED_FILES = 32

logger = logging.getLogger(__name__)


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

    def find_field_types(self, wanted: Sequence[str]) -> tuple[str, dict[str, str]]:
        """Returns the first file, and its fields with their types; no fields where it names none, or is broken.

        A broken file becomes a failure when the run reads it.
        """
        path = self.files[0].path
        try:
            with open_input(path) as file:
                types = self.source.read_field_types(file)
        except Exception as e:  # each library has its own
            logger.warning("%s has no readable types of fields: %s", path, e)
            return path, {}
        return path, {**dict.fromkeys(find_partitions(path), STRING.name), **types} if types else {}

    def warn_of_missing_fields(self, fields: RecordFields) -> None:
        """Warns of fields that none of the first records has, where each record has fields of its own."""
        path = self.files[0].path
        part = FileRange(path=path, name=self.files[0].name)
        first = next((found for found in read_range(part, self.source, fields) if isinstance(found, Records)), None)
        if first is None or first.names is None:
            return
        known = sorted({name for names in first.names for name in names})
        for field, option in fields.list_options().items():
            if not any(value is not None for value in first.columns[field]) and field not in known:
                logger.warning(
                    "%s has %r, but none of the first %d records of %s has such a field; their fields are: %s",
                    option,
                    field,
                    len(first.positions),
                    path,
                    ", ".join(known)[:400],
                )

    def read(self, fields: RecordFields) -> beam.PTransform[Any, Any]:
        """Returns the step that reads all files."""
        return ReadFiles(self.source, self.files, fields, range_bytes=self.range_bytes, is_sampled=self.is_sampled)


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
    if not source.has_fields and (
        options.pair_field or options.id_field or options.text_field != "text" or options.keep_fields
    ):
        raise ValueError(
            "--text-field, --id-field, --pair-field and --keep-fields name fields of records, but the input is "
            "read as plain text; give --format jsonl, json, csv, tsv, parquet, tfrecord or avro"
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
    """Looks into some of the files; the workers look into all.

    Raises:
      OSError: if one can't be read.
      ValueError: if the content of one is not what it should be.
    """
    for file in files[:: max(1, len(files) // _CHECKED_FILES)]:
        problem = describe_content(read_start(file.path), source)
        if problem is not None:
            raise ValueError(f"--input names {show_path(file.path)}: {problem}")
