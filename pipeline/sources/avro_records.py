"""Avro files to Records, block by block, through fastavro."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import fastavro

from albert_embed.pipeline.sources.records import Records
from albert_embed.transforms.failure import Failure


def read_avro(file: Any, path: str, fields: list[str]) -> Iterator[Records | Failure]:
    """The records of an open Avro file; positions are record numbers from 0."""
    first = 0
    for block in fastavro.block_reader(file):
        records: list[Any] = list(block)
        columns: dict[str, list[Any]] = {name: [record.get(name) for record in records] for name in fields}
        yield Records(file=path, unit="record", positions=range(first, first + len(records)), columns=columns)
        first += len(records)
