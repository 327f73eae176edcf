"""Of shards with the same rows, which are used: for each row the earliest attempt wins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from albert_embed.pipeline.shards.keys import keys_from_arrow
from albert_embed.pipeline.shards.places import FINISHED_SCHEMA, KEY, UNIQUE
from albert_embed.transforms.rows.columns import INPUT_POSITION, WINDOW


def find_losers(attempts: Sequence[pa.Table], selected: pa.Table | None) -> list[bool]:
    """Finds which shards have a row, of one part of the input, that an earlier one has too, or that is not wanted.

    Args:
      attempts: `FINISHED_SCHEMA` of each shard, the earliest first.
      selected: `SELECTED_SCHEMA`, the documents that are wanted; None for all.
    """
    rows = pa.concat_tables([FINISHED_SCHEMA.empty_table(), *attempts])
    numbers = np.repeat(np.arange(len(attempts)), [attempt.num_rows for attempt in attempts])
    positions, windows = np.asarray(rows[INPUT_POSITION]), np.asarray(rows[WINDOW])
    order = np.lexsort((numbers, windows, positions))
    again = np.zeros(rows.num_rows, bool)
    same = (np.diff(positions[order]) == 0) & (np.diff(windows[order]) == 0)
    again[order[1:]] = same
    lost = again if selected is None else again | ~_are_selected(rows, selected)
    return [bool(count) for count in np.bincount(numbers[lost], minlength=len(attempts))]


def _are_selected(rows: pa.Table, selected: pa.Table) -> np.ndarray:
    """Returns which rows are of documents that are to be embedded, `[rows]` bool."""
    chosen = selected.filter(selected[UNIQUE]).sort_by(INPUT_POSITION)
    positions, there = np.asarray(chosen[INPUT_POSITION]), np.asarray(rows[INPUT_POSITION])
    if not len(positions):
        return np.zeros(len(there), bool)
    found = np.minimum(np.searchsorted(positions, there), len(positions) - 1)
    same_key = keys_from_arrow(chosen[KEY])[found] == keys_from_arrow(rows[KEY])
    return np.asarray((positions[found] == there) & same_key)
