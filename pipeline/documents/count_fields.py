"""Counts where fields occur, because only a whole run can say that no record has one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from albert_embed.pipeline.records.record_fields import RecordFields, describe_missing_field
from albert_embed.pipeline.records.records import Records
from albert_embed.transforms.steps import metrics

_PREFIX = "batches_with_field:"
_BATCHES = "batches_read"


class MissingFieldError(RuntimeError):
    """No record of a run has a field that the options name."""


def count_fields(records: Records, fields: RecordFields) -> None:
    """Counts these records once, and once for each field named by an option that any of them has."""
    metrics.increment(_BATCHES)
    for field in fields.list_options():
        if records.has_field(field):
            metrics.increment(_PREFIX + field)


def check_counted_fields(
    counters: Mapping[str, int], fields: RecordFields, list_known: Callable[[], Collection[str]]
) -> None:
    """Refuses a run none of whose records has one of the fields that the options name.

    Args:
      counters: of the run.
      fields: that were read.
      list_known: lists fields of the input, for the message.

    Raises:
      MissingFieldError: if there were records, but none had a field.
    """
    if not counters.get(_BATCHES):
        return
    for field, option in fields.list_options().items():
        if not counters.get(_PREFIX + field):
            lack = "no record of the input has such a field, and nothing was published"
            raise MissingFieldError(describe_missing_field(option, field, list_known(), lack))
