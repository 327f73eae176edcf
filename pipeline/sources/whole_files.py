"""Whole files as documents: the name is the id, the content the text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa

from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.lines import BYTE_ORDER_MARK
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import MAX_TEXT_BYTES, Records, fail_record
from albert_embed.pipeline.sources.source import Source
from albert_embed.pipeline.storage.paths import encode_path
from albert_embed.transforms.steps.failure import Failure


class WholeFiles(Source):
    """One record per file, without its byte-order mark. An empty file is a document without text."""

    name = "files"
    has_fields = False
    is_text = True

    def read(self, file: BinaryIO, part: FileRange, fields: RecordFields) -> Iterator[Records | Failure]:
        parts: list[bytes] = []
        size = 0
        while piece := file.read(1 << 20):
            parts.append(piece)
            size += len(piece)
            if size > MAX_TEXT_BYTES:
                yield fail_record(part.path, "byte 0", "text too long", f"over {MAX_TEXT_BYTES:,} bytes", parts[0])
                return
        text = pa.array([b"".join(parts).removeprefix(BYTE_ORDER_MARK)], pa.large_binary())
        columns = {fields.text: text, fields.id: pa.array([encode_path(part.name)], pa.binary())}
        yield Records(file=part.path, unit="byte", positions=[0], columns=columns)
