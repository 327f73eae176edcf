"""Reads the rows of shards again, whatever their format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.settings.field_type import FieldType
from albert_embed.transforms.failure import Failure

# A RecordBatch is given out when it has so many bytes in the file, or so many rows.
_BATCH_BYTES = 32 << 20
_BATCH_ROWS = 1024


class DamagedShardError(ValueError):
    """A shard is not what was written."""


def read_shards(
    paths: Sequence[str], format_name: str, *, encoding: str, kept: Mapping[str, FieldType]
) -> Iterator[pa.RecordBatch]:
    """The rows of some shards, as `read_embeddings` yields them.

    Args:
      paths: where they are.
      format_name: the format they are in.
      encoding: how embeddings are written.
      kept: the fields that were passed through, with their types.

    Raises:
      DamagedShardError: where what was written can't be read again.
      FileNotFoundError: where one is not there.
    """
    if format_name == "parquet":
        return _read_parquet_shards(paths, kept)
    return _read_tfrecord_shards(paths, encoding, kept)


def _read_parquet_shards(paths: Sequence[str], kept: Mapping[str, FieldType]) -> Iterator[pa.RecordBatch]:
    from albert_embed.pipeline.formats.parquet_format import read_parquet_rows

    for path in paths:
        try:
            with _open_shard(path) as file:
                yield from read_parquet_rows(file, kept, batch_bytes=_BATCH_BYTES, batch_rows=_BATCH_ROWS)
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError) as e:
            raise DamagedShardError(f"{path}: {e}") from e


def _read_tfrecord_shards(
    paths: Sequence[str], encoding: str, kept: Mapping[str, FieldType]
) -> Iterator[pa.RecordBatch]:
    from albert_embed.pipeline.formats.tf_examples import decode_examples

    examples: list[bytes] = []
    size = 0
    remote = any("://" in path for path in paths)
    for example in _read_remote_records(paths) if remote else _read_local_records(paths):
        examples.append(example)
        size += len(example)
        if size >= _BATCH_BYTES or len(examples) >= _BATCH_ROWS:
            yield decode_examples(examples, encoding, kept)  # type: ignore[arg-type]
            examples, size = [], 0
    if examples:
        yield decode_examples(examples, encoding, kept)  # type: ignore[arg-type]


def _read_local_records(paths: Sequence[str]) -> Iterator[bytes]:
    import tensorflow as tf

    try:
        yield from tf.data.TFRecordDataset(list(paths)).as_numpy_iterator()
    except tf.errors.DataLossError as e:
        raise DamagedShardError(str(e)) from e
    except tf.errors.NotFoundError as e:
        raise FileNotFoundError(str(e)) from e


def _read_remote_records(paths: Sequence[str]) -> Iterator[bytes]:
    """Through Beam: TensorFlow knows fewer file systems than it."""
    from albert_embed.pipeline.sources.tfrecord_records import read_frames
    from albert_embed.pipeline.storage.open_input import BrokenFileError

    for path in paths:
        with _open_shard(path) as file:
            try:
                for frame in read_frames(file, path):
                    if isinstance(frame, Failure):
                        raise DamagedShardError(frame.error)
                    yield frame[1]
            except BrokenFileError as e:
                raise DamagedShardError(f"{path}, {e}") from e


def _open_shard(path: str) -> Any:
    if "://" in path and not FileSystems.exists(path):  # each file system would say it in its own way
        raise FileNotFoundError(f"no such file: {path}")
    return FileSystems.open(path, compression_type="uncompressed")
