"""The input of a run, resolved before it, and those of its documents that the run's sinks can hold."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from albert_embed.pipeline.bigquery.table_input import TableInput
from albert_embed.pipeline.dataset.layout import find_possible_outputs
from albert_embed.pipeline.dataset.versions import read_manifest
from albert_embed.pipeline.documents.document_reader import DocumentReader
from albert_embed.pipeline.inputs.file_input import FileInput, make_file_input
from albert_embed.pipeline.listing.input_files import InputFile, list_input
from albert_embed.pipeline.records.part import InputParts, PartReader
from albert_embed.pipeline.records.record_fields import FieldTypes, RecordFields
from albert_embed.pipeline.settings.embed_choices import BIGQUERY
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.kept_fields import list_kept_fields
from albert_embed.pipeline.settings.table_name import TableName
from albert_embed.pipeline.storage.output_error import OutputError
from albert_embed.transforms.graph.transform_graph import TransformMismatchError, read_description
from albert_embed.transforms.rows.columns import ID

logger = logging.getLogger(__name__)


class Input(Protocol):
    """The input of a run: `FileInput` or `TableInput`."""

    @property
    def format(self) -> str:
        """Its name in `--format`."""

    @property
    def fingerprint(self) -> str | None:
        """Returns a value that is the same for the same input; None where that is not known."""

    def find_field_types(self, wanted: Sequence[str]) -> FieldTypes:
        """Returns the types of its fields.

        Args:
          wanted: the fields whose types are needed.
        """

    def list_known_fields(self) -> Collection[str]:
        """Returns its fields, as far as they are known without reading it."""

    @property
    def range_bytes(self) -> int | None:
        """Length of the ranges in which its files are read; None where it has none."""

    def open_parts(self, fields: RecordFields, range_bytes: int | None = None) -> InputParts:
        """Opens it for reading.

        Args:
          fields: which fields of its records are read.
          range_bytes: another length of ranges.
        """


def resolve_input(
    options: EmbedOptions,
    project: str | None = None,
    standard_input: InputFile | None = None,
    *,
    workers: int | None = None,
) -> tuple[EmbedOptions, Input]:
    """Returns the options with the input's format and a type for each kept field, and the input that they name.

    Args:
      options: of the run.
      project: where a `query` runs; None means the environment's project.
      standard_input: the file that it was copied to, if the options name it.
      workers: how many read at the same time; None where that is not known.

    Raises:
      OSError: if a pattern matches nothing.
      ValueError: if the format is not known, a table or the query can't be read, or a kept field is not there or has a
        type that can't be kept.
    """
    given = find_input(options, project, standard_input, workers=workers)
    return resolve_fields(options, given), given


def find_input(
    options: EmbedOptions,
    project: str | None = None,
    standard_input: InputFile | None = None,
    *,
    workers: int | None = None,
) -> FileInput | TableInput:
    """Returns the input that the options name, with its format; takes and raises what `resolve_input` does."""
    if options.reads_table:
        tables = () if options.query is not None else tuple(map(TableName.parse, options.input))
        return TableInput(tables=tables, query=options.query, project=project)
    return list_input_files(options, standard_input, workers=workers)


def resolve_fields(options: EmbedOptions, given: FileInput | TableInput) -> EmbedOptions:
    """Returns the options with the input's format, and a type for each kept field.

    Raises:
      ValueError: if a field is not there, or has a type that can't be kept.
    """
    fields = RecordFields.of(options)
    wanted = [field.field for field in list_kept_fields(options.keep_fields) if not field.type_name]
    if isinstance(given, FileInput):  # what a table has is checked when it is opened
        given.check_fields(fields)
    keep_fields = given.find_field_types(wanted).add_to(options.keep_fields)
    return dataclasses.replace(options, format=given.format, keep_fields=keep_fields)


def list_input_files(
    options: EmbedOptions, standard_input: InputFile | None = None, *, workers: int | None = None
) -> FileInput:
    """Lists the files of the input.

    Args:
      options: of the run.
      standard_input: the file that it was copied to, if the options name it.
      workers: how many read at the same time; None where that is not known.

    Raises:
      OSError: if a pattern names no file, or not all that it names can be listed.
      ValueError: if the format can't be told, or there is a finished output of this program among the files.
    """
    if standard_input is not None:
        return make_file_input((standard_input,), options, workers=workers)
    listing = list_input(options.input, include_hidden=options.include_hidden, leave_out=options.output or None)
    if listing.hidden or listing.hidden_folders:
        logger.info(
            "%d files and %d folders whose names start with . or _ were left out; --include-hidden takes them",
            listing.hidden,
            listing.hidden_folders,
        )
    if not any(file.bytes for file in listing.files):
        logger.warning("all files that --input names are empty (%d)", len(listing.files))
    if listing.linked_again:
        logger.warning("%d files are there twice, because links lead to them, and are read twice", listing.linked_again)
    # A pattern may name an output's own files, so that nothing is seen of what lies beside their folders.
    possible = find_possible_outputs(file.path for file in listing.files)
    for folder in filter(_is_output, sorted(possible.union(listing.manifests))):
        raise ValueError(
            f"--input looks into {folder}, which is an output of this program: its files are embeddings or an "
            "analysis, not text. Give a pattern that leaves it out, or move it"
        )
    return make_file_input(_choose_repeats(listing.files, options), options, workers=workers)


def _is_output(folder: str) -> bool:
    """Returns whether a folder holds embeddings, or an analysis with its transform graph."""
    read: Callable[[str], object]
    for read in (read_manifest, read_description):
        with contextlib.suppress(OutputError, TransformMismatchError):  # it may be a file of something else
            read(folder)
            return True
    return False


def _choose_repeats(files: tuple[InputFile, ...], options: EmbedOptions) -> tuple[InputFile, ...]:
    """Returns the files to read: of those that several patterns name, an incremental run takes each once.

    It holds each id once, and could not tell the readings of a file apart.
    """
    once = tuple(file for file in files if not file.repeat)
    several = len({file.path for file in files if file.repeat})
    if not several:
        return files
    if options.incremental:
        logger.info("%d files are named by several patterns of --input, and are read once", several)
        return once
    logger.warning("%d files are named by several patterns of --input, and are read for each of these", several)
    return files


def make_document_reader(records: PartReader, options: EmbedOptions) -> DocumentReader:
    """Makes what reads parts of the input as documents that the sinks of the run can hold.

    Args:
      records: reads them as Records.
      options: of the run.
    """
    texts = (ID, *options.kept_fields) if {"parquet", BIGQUERY} & set(options.sinks) else ()
    return DocumentReader(records=records, fields=RecordFields.of(options), texts=texts)
