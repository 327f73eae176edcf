"""`WriteDocuments`: the rows of documents to files beside the shards of their windows."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Sequence

import apache_beam as beam
import pyarrow as pa
from apache_beam.transforms.window import GlobalWindow, GlobalWindows
from apache_beam.utils.windowed_value import WindowedValue

from albert_embed.pipeline.formats.row_format import WritableFormat
from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.shards.open_files import OpenFiles
from albert_embed.pipeline.shards.row_keys import KEY_BYTES
from albert_embed.pipeline.shards.write_shards import SHARD_BYTES
from albert_embed.transforms.columns import ID

DOCUMENTS_PREFIX = "documents"


def list_document_files(files: Iterable[DataFile], formats: Sequence[str]) -> list[DataFile]:
    """The files by sink, in the order of `formats`, then by name."""
    return sorted(files, key=lambda file: (formats.index(file.format or ""), file.path))


class WriteDocuments(beam.PTransform):
    """RecordBatches of `pipeline.embed.combine_documents` → a `DataFile` for each finished file.

    As with `WriteShards`, only the files that come out of the step are to be published.

    Args:
      directory: where the files go, on any file system that Beam knows.
      formats: what to write; at least one.
    """

    def __init__(self, directory: str, formats: Sequence[WritableFormat]) -> None:
        super().__init__()
        self._directory = directory
        self._formats = tuple(formats)

    def expand(self, rows: beam.PCollection[pa.RecordBatch]) -> beam.PCollection[DataFile]:
        return (
            rows
            | "IntoOneWindow" >> beam.WindowInto(GlobalWindows())
            | "WriteDocumentFiles"
            >> beam.ParDo(WriteDocumentsFn(self._directory, self._formats)).with_output_types(DataFile)
        )


class WriteDocumentsFn(beam.DoFn):
    """Holds the open files of a bundle, and finishes them when they are large enough or the bundle ends."""

    def __init__(self, directory: str, formats: Sequence[WritableFormat]) -> None:
        self._directory = directory
        self._formats = formats
        self._open: OpenDocuments | None = None

    def start_bundle(self) -> None:
        self._abandon()  # of a bundle that failed

    def process(self, rows: pa.RecordBatch) -> Iterator[DataFile]:
        if self._open is None:
            self._open = OpenDocuments(self._directory, self._formats)
        self._open.write(rows)
        if self._open.size >= SHARD_BYTES:
            yield from self._finish(self._open)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        if self._open is not None:
            window = GlobalWindow()
            for file in self._finish(self._open):
                yield WindowedValue(file, window.max_timestamp(), [window])

    def teardown(self) -> None:
        self._abandon()

    def _finish(self, open_: OpenDocuments) -> list[DataFile]:
        files = open_.finish()
        self._open = None
        return files

    def _abandon(self) -> None:
        if self._open is not None:
            self._open.abandon()
            self._open = None


class OpenDocuments:
    """Files of documents that are being written, one for each format.

    Their names start with a hash of their ids, so that they have the same order in every run.

    Args:
      directory: where the files go.
      formats: what to write.

    Raises:
      ShardWriteError: where the file system refuses, here and in every method.
    """

    def __init__(self, directory: str, formats: Sequence[WritableFormat]) -> None:
        self._attempt = uuid.uuid4().hex
        self._digest = hashlib.blake2b(digest_size=KEY_BYTES)
        self._rows = 0
        self._files = OpenFiles(directory, formats, f"{DOCUMENTS_PREFIX}-{self._attempt}")

    def write(self, rows: pa.RecordBatch) -> None:
        """Takes rows in."""
        for name in rows.column(ID).to_pylist():
            self._digest.update(len(name).to_bytes(8, "big") + name)
        self._rows += rows.num_rows
        self._files.write(rows)

    @property
    def size(self) -> int:
        """About the bytes of the largest file."""
        return self._files.size

    def finish(self) -> list[DataFile]:
        """Writes what is left and puts the files in their places."""
        sizes = self._files.close()
        self._files.place(self._name_file)
        return [
            DataFile(path=self._name_file(name), bytes=size, format=name, rows=self._rows)
            for name, size in sizes.items()
        ]

    def abandon(self) -> None:
        """Lets go of the files. What was written of them goes with the rest of the staging folder."""
        self._files.abandon()

    def _name_file(self, format_name: str) -> str:
        return f"{DOCUMENTS_PREFIX}-{self._digest.hexdigest()}-{self._attempt}.{format_name}"
