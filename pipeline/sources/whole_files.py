"""Whole files as documents: the path is the id, the content the text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from albert_embed.pipeline.sources.records import LONGEST_TEXT_BYTES, Records, fail_record
from albert_embed.transforms.failure import Failure


def read_whole_file(file: Any, path: str, fields: list[str]) -> Iterator[Records | Failure]:
    """One record, `text` and `id`. An empty file is a document without text."""
    parts: list[bytes] = []
    size = 0
    while part := file.read(1 << 20):
        parts.append(part)
        size += len(part)
        if size > LONGEST_TEXT_BYTES:
            yield fail_record(path, "byte 0", "text too long", f"over {LONGEST_TEXT_BYTES:,} bytes", parts[0])
            return
    text = pa.array([b"".join(parts)], pa.large_binary())
    yield Records(file=path, unit="byte", positions=[0], columns={"text": text, "id": pa.array([path])})
