"""`TFRecordFormat`: shards of tf.Examples."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import pyarrow as pa

from albert_embed.pipeline.formats import shard_file
from albert_embed.pipeline.formats.row_format import RowWriter
from albert_embed.pipeline.formats.row_schema import RowSchema
from albert_embed.pipeline.formats.shard_file import DamagedShardError, open_shard
from albert_embed.pipeline.formats.tf_examples import decode_examples, encode_examples
from albert_embed.pipeline.sources.tfrecord_records import read_frames
from albert_embed.pipeline.storage.open_input import BrokenFileError
from albert_embed.pipeline.storage.tfrecord_framing import frame_records
from albert_embed.transforms.files.directories import is_remote
from albert_embed.transforms.steps.failure import Failure


@dataclasses.dataclass(frozen=True, kw_only=True)
class TFRecordFormat:
    """A `RowFormat`: each row a tf.Example.

    A batch is framed and written at once: at 10,000 records per second and more, what Beam's `WriteToTFRecord` spends
    on each record costs as much as encoding it (benchmarks/NOTES.md).

    Attributes:
      schema: of the rows.
    """

    name: ClassVar[str] = "tfrecord"
    schema: RowSchema

    def open_writer(self, file: Any) -> TFRecordWriter:
        """See `WritableFormat.open_writer`."""
        return TFRecordWriter(file, self.schema)

    def read(self, paths: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """See `RowFormat.read`."""
        examples: list[bytes] = []
        size = 0
        for example in _read_records(paths):
            examples.append(example)
            size += len(example)
            if size >= shard_file.MAX_BATCH_BYTES or len(examples) >= shard_file.MAX_BATCH_ROWS:
                yield self._decode(examples, paths)
                examples, size = [], 0
        if examples:
            yield self._decode(examples, paths)

    def take(self, path: str, places: Sequence[int], columns: Sequence[str]) -> pa.RecordBatch:
        """See `RowFormat.take`; the file is read up to the last of the rows."""
        wanted, until = set(places), places[-1] + 1
        records = enumerate(itertools.islice(_read_records([path]), until))
        examples = [example for place, example in records if place in wanted]
        if len(examples) < len(wanted):
            raise DamagedShardError(f"{path} has fewer than {until} rows")
        return self._decode(examples, [path]).select([name for name in self.schema.arrow.names if name in columns])

    def _decode(self, examples: list[bytes], paths: Sequence[str]) -> pa.RecordBatch:
        try:
            return decode_examples(examples, self.schema)
        except ValueError as e:  # ArrowInvalid is one
            raise DamagedShardError(f"in {', '.join(paths)[:200]}: {e}") from e

    def make_dataset(self, paths: Sequence[str]) -> Any:
        """See `RowFormat.make_dataset`."""
        import tensorflow as tf

        from albert_embed.pipeline.formats.row_tensors import parse_example

        return tf.data.TFRecordDataset(list(paths)).map(lambda example: parse_example(example, self.schema))


class TFRecordWriter(RowWriter):
    """See `RowWriter`.

    Args:
      file: open for writing bytes.
      schema: of the rows.
    """

    def __init__(self, file: Any, schema: RowSchema) -> None:
        self._file = file
        self._schema = schema
        self._size = 0

    def write(self, rows: pa.RecordBatch) -> None:
        """See `RowWriter.write`; rows are written at once."""
        framed = frame_records(encode_examples(rows, self._schema))
        self._file.write(framed)
        self._size += len(framed)

    @property
    def size(self) -> int:
        """See `RowWriter.size`."""
        return self._size

    def finish(self) -> None:
        """See `RowWriter.finish`; a TFRecord file has no end of its own."""

    def abandon(self) -> None:
        """See `RowWriter.abandon`."""


def _read_records(paths: Sequence[str]) -> Iterator[bytes]:
    return _read_remote_records(paths) if any(map(is_remote, paths)) else _read_local_records(paths)


def _read_local_records(paths: Sequence[str]) -> Iterator[bytes]:
    import tensorflow as tf

    try:
        yield from tf.data.TFRecordDataset(list(paths)).as_numpy_iterator()
    except tf.errors.DataLossError as e:
        raise DamagedShardError(str(e)) from e
    except tf.errors.NotFoundError as e:
        raise FileNotFoundError(str(e)) from e


def _read_remote_records(paths: Sequence[str]) -> Iterator[bytes]:
    """Yields records read through Beam, which knows more file systems than TensorFlow."""
    for path in paths:
        with open_shard(path) as file:
            try:
                for frame in read_frames(file, path):
                    if isinstance(frame, Failure):
                        raise DamagedShardError(frame.error)
                    yield frame[1]
            except BrokenFileError as e:
                raise DamagedShardError(f"{path}, {e}") from e
