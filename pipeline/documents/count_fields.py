"""Counts where kept fields occur, because only a whole run can say that no record has one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa

from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records
from albert_embed.transforms import metrics

_PREFIX = "batches_with_field:"


class MissingFieldError(RuntimeError):
    """No record of a run has a field that is to be kept."""


def count_fields(records: Records, fields: RecordFields) -> None:
    """Counts these records once for each field to keep that any of them has."""
    for field in _list_kept(fields):
        if has_field(records, field):
            metrics.increment(_PREFIX + field)


def has_field(records: Records, field: str) -> bool:
    """Returns whether any of the records has a field, if only as null."""
    column = records.columns.get(field)
    if column is None:
        return False
    if isinstance(column, pa.Array) or records.names is None:
        return True
    return any(value is not None for value in column) or any(field in names for names in records.names)


def check_counted_fields(counters: Mapping[str, int], fields: RecordFields) -> None:
    """Refuses a run none of whose records has one of the fields to keep.

    Args:
      counters: of the run.
      fields: that were read.

    Raises:
      MissingFieldError: if there were documents, but none had a field.
    """
    missing = [field for field in _list_kept(fields) if not counters.get(_PREFIX + field)]
    if missing and counters.get(metrics.DOCUMENTS):
        names = ", ".join(map(repr, missing))
        raise MissingFieldError(
            f"--keep-fields has {names}, but no record of the input has such a field; nothing was published. Mend the "
            "name or leave it out"
        )


def _list_kept(fields: RecordFields) -> Iterable[str]:
    return sorted({fields.find_field(column) for column in fields.kept})
