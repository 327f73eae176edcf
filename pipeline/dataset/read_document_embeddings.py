"""Reads the documents' vectors of a finished output."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from albert_embed.pipeline.dataset.published_output import PublishedOutput, open_published_output
from albert_embed.pipeline.dataset.read_embeddings import read_live_rows
from albert_embed.pipeline.formats.registry import make_format
from albert_embed.pipeline.storage.output_error import OutputError


def read_document_embeddings(directory: str) -> Iterator[pa.RecordBatch]:
    """Yields one row for each document of the finished output in `directory`, made with `--embeddings document`.

    Yields:
      RecordBatches: `id` binary, `windows` int64 (the number of windows), `tokens` int64 (of all windows),
      `document_output` large_list<float32> [hidden], kept fields.

    Raises:
      OutputError: if the directory is not a finished output, was damaged since, or has no such rows.
    """
    with open_published_output(str(directory)) as output:
        if output.manifest.counts.document_rows is None:
            raise OutputError(
                f"{directory} has no vectors of documents: it was made without document among its --embeddings"
            )
        yield from read_document_rows(output)


def read_document_rows(output: PublishedOutput) -> Iterator[pa.RecordBatch]:
    """Yields what `read_document_embeddings` yields, from an open output."""
    format_ = make_format(output.format, output.manifest.row_schema.of_documents())
    yield from read_live_rows(output.documents, format_, output)
