"""Reads TFRecord files of tf.Examples, through tfx-bsl. A record whose content is damaged costs only that record."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from albert_embed.pipeline.records.batching import batch_records
from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import MAX_TEXT_BYTES, Records, fail_record
from albert_embed.pipeline.sources.source import Source
from albert_embed.pipeline.storage.open_input import BrokenFileError
from albert_embed.pipeline.storage.tfrecord_framing import masked_crc
from albert_embed.transforms.steps.failure import Failure

_MAX_RECORD_BYTES = 4 * MAX_TEXT_BYTES


class TFRecords(Source):
    """tf.Examples of TFRecord files; positions are the bytes at which they start."""

    name = "tfrecord"
    endings = (".tfrecord", ".tfrecords")

    def recognises(self, start: bytes) -> bool:
        return len(start) >= 12 and masked_crc(start[:8]) == start[8:12]

    def read(self, file: BinaryIO, part: FileRange, fields: RecordFields) -> Iterator[Records | Failure]:
        for batch in batch_records(read_frames(file, part.path)):
            if isinstance(batch, Failure):
                yield batch
            else:
                yield from _decode(part.path, batch.positions, batch.records, fields.names)


def read_frames(file: BinaryIO, path: str) -> Iterator[tuple[int, bytes, int] | Failure]:
    """Yields the byte at which each record starts, the record and its size; a failure if its content is damaged.

    Raises:
      BrokenFileError: if the rest can't be found.
    """
    position = 0
    while header := _read(file, 12):
        if len(header) < 12:
            raise BrokenFileError(f"byte {position}: the file is cut off in a record's length")
        (length,) = struct.unpack("<Q", header[:8])
        if masked_crc(header[:8]) != header[8:]:
            raise BrokenFileError(f"byte {position}: a record's length is damaged (CRC-32C), the rest can't be found")
        if length > _MAX_RECORD_BYTES:
            left = length + 4
            while left and (part := file.read(min(left, 1 << 20))):
                left -= len(part)
            if left:
                raise BrokenFileError(f"byte {position}: the file is cut off in a record of {length:,} bytes")
            error = f"a record of {length:,} bytes, more than {_MAX_RECORD_BYTES:,}"
            yield fail_record(path, f"byte {position}", "text too long", error)
        else:
            content = _read(file, length + 4)
            if len(content) < length + 4:
                raise BrokenFileError(f"byte {position}: the file is cut off in a record of {length:,} bytes")
            if masked_crc(content[:-4]) != content[-4:]:
                error = "the record's content is damaged: its CRC-32C does not match"
                yield fail_record(path, f"byte {position}", "corrupt record", error, content[:-4])
            else:
                yield position, content[:-4], length
        position += 16 + length


def _read(file: BinaryIO, size: int) -> bytes:
    """Reads `size` bytes, fewer at the end."""
    parts = []
    while size and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _decode(path: str, positions: list[int], examples: list[bytes], fields: list[str]) -> Iterator[Records | Failure]:
    """Decodes all at once if possible; else each alone, so that only those fail that are not tf.Examples."""
    try:
        decoded = ExamplesToRecordBatchDecoder(None).DecodeBatch(examples)
    except Exception as e:  # tfx-bsl raises RuntimeError, and others where features are of several types
        if len(examples) == 1:
            error = f"not a tf.Example: {str(e)[:200]}"
            yield fail_record(path, f"byte {positions[0]}", "invalid tf.Example", error, examples[0])
            return
        half = len(examples) // 2
        yield from _decode(path, positions[:half], examples[:half], fields)
        yield from _decode(path, positions[half:], examples[half:], fields)
        return
    columns = {
        name: _unwrap(column)
        for name, column in zip(decoded.schema.names, decoded.columns, strict=True)
        if name in fields
    }
    names = [tuple(decoded.schema.names)] * len(positions)
    yield Records(file=path, unit="byte", positions=positions, columns=columns, names=names)


def _unwrap(column: pa.Array) -> pa.Array | list[Any]:
    """Returns a feature's value where it has one, None where it has none, the list where it has several."""
    if pa.types.is_null(column.type):
        return [None] * len(column)
    flat = column.flatten()
    if len(flat) == len(column) and column.null_count == 0 and (column.value_lengths().to_numpy() == 1).all():
        return flat
    return [value[0] if value and len(value) == 1 else value or None for value in column.to_pylist()]
