"""The framing of TFRecord files: lengths and checksums around each record."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import google_crc32c

_MASK_DELTA = 0xA282EAD8


def frame_records(records: Sequence[bytes]) -> bytes:
    """Returns the records as a TFRecord file holds them, one after the other.

    Each is its length (uint64), the masked CRC-32C of that (uint32), its bytes, and their masked CRC-32C (uint32), all
    little-endian (tensorflow/core/lib/io/record_writer.h).
    """
    parts = []
    for record in records:
        length = struct.pack("<Q", len(record))
        parts += [length, masked_crc(length), record, masked_crc(record)]
    return b"".join(parts)


def masked_crc(content: bytes) -> bytes:
    """Returns the CRC-32C of `content`, rotated and shifted so that a CRC of data with CRCs in it stays a good one."""
    crc = google_crc32c.value(content)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF)
