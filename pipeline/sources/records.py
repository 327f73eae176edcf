"""`Records`: what a format's reader gives, whatever the format; and the failures of whole files."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from albert_embed.pipeline.sources.content_id import content_id
from albert_embed.transforms.failure import TEXT_START_BYTES, Failure

# A text longer than this fails: 20 MB are embedded within 2.5 GB of memory (issue 3), and normalising takes many times
# a text's size in memory.
LONGEST_TEXT_BYTES = 32 << 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Records:
    """Some records of one file.

    Attributes:
      file: its path, or the table.
      unit: what `positions` count: `byte`, `line`, `row` or `record`.
      positions: where each record stands; of a table's row, which has no place, what tells it from others.
      columns: field → its values, an Arrow array, or a list where they need not be of one type.
    """

    file: str
    unit: str
    positions: Sequence[int | str]
    columns: Mapping[str, pa.Array | list[Any]]


def fail_record(file: str, where: str, reason: str, error: str, text: bytes = b"") -> Failure:
    """The failure of one record. Its id is the hash of where it stood, the same in every run."""
    return Failure(
        id=content_id(file.encode(), where.encode()),
        stage="read",
        reason=reason,
        error=f"{file}, {where}: {error}",
        text=text[:TEXT_START_BYTES],
    )


def fail_file(file: str, error: str) -> Failure:
    """The failure of a file, or of all that is left of it."""
    return Failure(id=content_id(file.encode()), stage="read", reason="broken file", error=f"{file}: {error}", text=b"")
