"""Reads text: each line is a document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa

from albert_embed.pipeline.records.batching import batch_records
from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.lines import read_lines
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records
from albert_embed.pipeline.sources.source import Source
from albert_embed.transforms.steps.failure import Failure


class TextLines(Source):
    """Lines as texts; positions are the bytes at which they start."""

    name = "text"
    endings = (".txt", ".text")
    has_fields = False
    splittable = True
    is_text = True

    def read(self, file: BinaryIO, part: FileRange, fields: RecordFields) -> Iterator[Records | Failure]:
        for batch in batch_records(read_lines(file, part.start, part.stop)):
            if isinstance(batch, Failure):
                yield batch
                continue
            texts = pa.array(batch.records, pa.large_binary())
            yield Records(
                file=part.path, unit="byte", positions=batch.positions, columns={fields.text: texts}, raw=batch.records
            )
