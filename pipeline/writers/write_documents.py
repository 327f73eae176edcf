"""Writes the rows of documents to files beside the shards of their windows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from albert_embed.pipeline.formats.row_format import WritableFormat
from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.writers.document_writer import DocumentFile, DocumentWriter
from albert_embed.pipeline.writers.write_files import WriteFiles
from albert_embed.pipeline.writers.write_shards import SHARD_BYTES


def list_document_files(files: Iterable[DocumentFile], formats: Sequence[str]) -> list[DataFile]:
    """Lists the files by sink, in the order of `formats`, then by the documents in them."""
    in_order = sorted(files, key=lambda written: (formats.index(written.file.format or ""), written.digest))
    return [written.file for written in in_order]


def make_write_documents(directory: str, formats: Sequence[WritableFormat]) -> WriteFiles:
    """Makes the step that writes RecordBatches of `pipeline.embed.combine_documents`.

    Its files are lists of `DocumentFile`s, one for each format.

    Args:
      directory: the staging folder of the run.
      formats: what to write; at least one.
    """
    return WriteFiles(partial(DocumentWriter, directory, tuple(formats)), max_bytes=SHARD_BYTES)
