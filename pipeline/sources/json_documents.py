"""Reads JSON files: an array of objects, or one object, which may go over many lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from albert_embed.pipeline.records.batching import batch_records
from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.json_values import read_json_values
from albert_embed.pipeline.records.lines import BYTE_ORDER_MARK
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records
from albert_embed.pipeline.sources.json_lines import parse_objects
from albert_embed.pipeline.sources.source import Source
from albert_embed.transforms.steps.failure import Failure

_KEY = rb'"(?:[^"\\]|\\.)*+"\s*+:'
_ARRAY_START = re.compile(rb"\[\s*+(?:\]|\{\s*+(?:\}|" + _KEY + rb"))")
# An object whose first line does not end it.
_OBJECT_START = re.compile(rb"(?=\{(?:[^\n]*[{\[,:])?[ \t\r]*\n)\{\s*+" + _KEY)


class JsonDocuments(Source):
    """The objects of an array, or one object per file; positions are numbers of records from 0."""

    name = "json"
    is_text = True  # and no endings: a name with `.json` may be JSON lines

    def suits(self, start: bytes) -> bool:
        text = start.removeprefix(BYTE_ORDER_MARK).lstrip()
        return bool(_ARRAY_START.match(text) or _OBJECT_START.match(text))

    def read(self, file: BinaryIO, part: FileRange, fields: RecordFields) -> Iterator[Records | Failure]:
        for batch in batch_records(read_json_values(file)):
            if isinstance(batch, Failure):
                yield batch
            else:
                yield from parse_objects(batch, part.path, fields, unit="record")
