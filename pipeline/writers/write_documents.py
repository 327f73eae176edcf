"""`WriteDocuments`: writes the rows of documents to files beside the shards of their windows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import apache_beam as beam
import pyarrow as pa
from apache_beam.transforms.window import GlobalWindows

from albert_embed.pipeline.formats.row_format import WritableFormat
from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.writers.document_writer import DocumentWriter
from albert_embed.pipeline.writers.write_files import WriteFilesFn
from albert_embed.pipeline.writers.write_shards import SHARD_BYTES


def list_document_files(files: Iterable[DataFile], formats: Sequence[str]) -> list[DataFile]:
    """Lists the files by sink, in the order of `formats`, then by name."""
    return sorted(files, key=lambda file: (formats.index(file.format or ""), file.path))


class WriteDocuments(beam.PTransform[beam.PCollection[pa.RecordBatch], beam.PCollection[DataFile]]):
    """Writes RecordBatches of `pipeline.embed.combine_documents`; gives a `DataFile` for each finished file.

    As with `WriteShards`, only the files that the step gives are to be published.

    Args:
      directory: where the files go, on any file system that Beam knows.
      formats: what to write; at least one.
    """

    def __init__(self, directory: str, formats: Sequence[WritableFormat]) -> None:
        super().__init__()
        self._write = WriteFilesFn(partial(DocumentWriter, directory, tuple(formats)), max_bytes=SHARD_BYTES)

    def expand(self, rows: beam.PCollection[pa.RecordBatch]) -> beam.PCollection[DataFile]:
        files: beam.PCollection[DataFile] = (
            rows
            | "IntoOneWindow" >> beam.WindowInto(GlobalWindows())
            | "WriteDocumentFiles" >> beam.ParDo(self._write)
            | "EachFile" >> beam.FlatMap(list).with_output_types(DataFile)
        )
        return files
