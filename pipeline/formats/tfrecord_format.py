"""`TFRecordFormat`: shards of tf.Examples."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import pyarrow as pa

from albert_embed.pipeline.formats.tf_examples import encode_examples
from albert_embed.pipeline.settings.embed_options import Encoding
from albert_embed.pipeline.storage.tfrecord_framing import frame_records


@dataclasses.dataclass(frozen=True, kw_only=True)
class TFRecordFormat:
    """A `ShardFormat`: each row a tf.Example.

    A batch is framed and written at once: at 10,000 records a second and more, what Beam's `WriteToTFRecord` spends on
    each record costs as much as encoding it (benchmarks/NOTES.md).

    Attributes:
      encoding: how embeddings are written.
    """

    name: ClassVar[str] = "tfrecord"
    encoding: Encoding

    def begin(self, file: Any) -> TFRecordFile:
        """See `ShardFormat.begin`."""
        return TFRecordFile(file, self.encoding)


class TFRecordFile:
    """A `ShardFile`."""

    def __init__(self, file: Any, encoding: Encoding) -> None:
        self._file = file
        self._encoding = encoding
        self._size = 0

    def write(self, rows: pa.RecordBatch) -> None:
        """See `ShardFile.write`; written at once."""
        framed = frame_records(encode_examples(rows, self._encoding))
        self._file.write(framed)
        self._size += len(framed)

    @property
    def size(self) -> int:
        """See `ShardFile.size`."""
        return self._size

    def finish(self) -> None:
        """See `ShardFile.finish`; a TFRecord file has no end of its own."""

    def abandon(self) -> None:
        """See `ShardFile.abandon`."""
