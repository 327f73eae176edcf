"""`Records`: what the reader of every format gives; and the failures of records and of whole files."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pyarrow as pa

from albert_embed.pipeline.records.content_id import content_id
from albert_embed.pipeline.storage.paths import encode_path, show_path
from albert_embed.transforms.steps.failure import TEXT_START_BYTES, Failure

# A longer text fails: 20 MB are embedded within 2.5 GB of memory, and normalising takes many times the memory
# of a text.
MAX_TEXT_BYTES = 32 << 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Records:
    """Some records of one file.

    Attributes:
      file: its path, or the table.
      unit: what `positions` count: `byte`, `line`, `row` or `record`.
      positions: of each record; for a table's row, which has no position, what identifies it.
      columns: field → its values, an Arrow array, or a list where they need not be of one type.
      names: the fields of each record, where each has its own; None where all have those of `columns`.
      raw: each record as it is in the file, where that can be shown; else None.
    """

    file: str
    unit: str
    positions: Sequence[int | str]
    columns: Mapping[str, pa.Array | list[Any]]
    names: Sequence[Collection[str]] | None = None
    raw: Sequence[bytes] | None = None

    def has_field(self, name: str) -> bool:
        """Returns whether any of the records has a field, if only as null."""
        column = self.columns.get(name)
        if self.names is not None and any(name in names for names in self.names):
            return True
        if column is None:
            return False
        return isinstance(column, pa.Array) or self.names is None or any(value is not None for value in column)

    def list_names(self) -> set[str]:
        """Returns the names of all fields."""
        return set(self.columns) if self.names is None else {name for names in self.names for name in names}


def fail_record(
    file: str, where: str, reason: str, error: str, text: bytes = b"", *, content: bytes | None = None
) -> Failure:
    """Makes the failure of one record.

    Args:
      file: its file.
      where: its place in the file.
      reason: in a few fixed words.
      error: what is wrong with it.
      text: its text, or what it looks like.
      content: the whole record, where it is known. Its hash is the id, else a hash of its place; both are the same in
        every run.
    """
    return Failure(
        id=content_id(encode_path(file), where.encode()) if content is None else content_id(content),
        stage="read",
        reason=reason,
        error=f"{show_path(file)}, {where}: {error}",
        text=text[:TEXT_START_BYTES],
    )


def fail_file(file: str, error: str) -> Failure:
    """Makes the failure of a file, or of the rest of one."""
    error = f"{show_path(file)}: {error}"
    return Failure(id=content_id(encode_path(file)), stage="read", reason="broken file", error=error, text=b"")


def show_value(value: Any) -> str:
    """Formats a value's type and its start, for messages; the result can always be encoded."""
    try:
        shown = f"{type(value).__name__} {str(value)[:80]}"
    except (RecursionError, ValueError):  # nested almost too deeply to be read, or an integer with many digits
        return type(value).__name__
    return shown.encode(errors="backslashreplace").decode()
