"""`SelectedDocuments`: takes from a part of the input, which is read again, what the comparison has selected."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from albert_embed.pipeline.shards.keys import document_keys, keys_from_arrow
from albert_embed.pipeline.shards.places import KEY, UNIQUE
from albert_embed.transforms.rows.columns import CONTENT_HASH, ID, INPUT_POSITION, TEXT_START
from albert_embed.transforms.steps.failure import Failure


class SelectedDocuments:
    """The documents of a part that a run is to embed or to fail.

    Args:
      selected: `SELECTED_SCHEMA` of this part; a part that is read twice has each of its documents twice.
    """

    def __init__(self, selected: pa.Table) -> None:
        positions, first = np.unique(np.asarray(selected[INPUT_POSITION]), return_index=True)
        self._positions = positions
        self._keys = keys_from_arrow(selected[KEY])[first]
        self._unique = np.asarray(selected[UNIQUE])[first]
        self._met = np.zeros(len(positions), bool)

    @property
    def missing(self) -> int:
        """How many documents were selected and not met until now."""
        return int((~self._met).sum())

    def take(self, documents: pa.RecordBatch) -> tuple[pa.RecordBatch, list[Failure]]:
        """Returns the documents to embed, and a failure for each whose id belongs to several.

        A document that has changed since the comparison is in neither.

        Args:
          documents: as `DocumentReader` gives them.
        """
        if not len(self._positions):
            return documents.slice(0, 0), []
        rows, found = find_places(self._positions, documents)
        candidates = documents.select([ID, CONTENT_HASH]).take(pa.array(rows))
        same = self._keys[found] == document_keys(candidates.column(ID), candidates.column(CONTENT_HASH))
        rows, found = rows[same], found[same]
        self._met[found] = True
        failing = documents.select([ID, TEXT_START]).take(pa.array(rows[~self._unique[found]]))
        chosen = rows[self._unique[found]]
        return take_rows(documents, chosen), [
            _fail(id_, text)
            for id_, text in zip(failing.column(ID).to_pylist(), failing.column(TEXT_START).to_pylist(), strict=True)
        ]


def find_places(positions: np.ndarray, documents: pa.RecordBatch) -> tuple[np.ndarray, np.ndarray]:
    """Finds which documents stand at some positions.

    Args:
      positions: `[n]` int64, sorted, each once; at least one.
      documents: of one part.

    Returns:
      Their rows in `documents`, and for each the place of its position in `positions`.
    """
    there = np.asarray(documents.column(INPUT_POSITION))
    found = np.minimum(np.searchsorted(positions, there), len(positions) - 1)
    rows = np.flatnonzero(positions[found] == there)
    return rows, found[rows]


def take_rows(documents: pa.RecordBatch, rows: np.ndarray) -> pa.RecordBatch:
    """Returns some rows; the documents themselves where that is all of them."""
    return documents if len(rows) == documents.num_rows else documents.take(pa.array(rows))


def _fail(id_: bytes, text: bytes) -> Failure:
    return Failure(
        id=id_,
        stage="read",
        reason="id not unique",
        error=f"the input has the id {id_.decode(errors='backslashreplace')!r} more than once, with different contents "
        "or in places that can't be distinguished (such as a file that two patterns of --input name); an output that "
        "runs add to holds each id once: give each document an id of its own",
        text=text,
    )
