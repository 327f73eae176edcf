"""`SelectedDocuments`: takes from a part of the input, which is read again, what the comparison has selected."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from albert_embed.pipeline.reading.known_places import KnownPlaces, take_rows
from albert_embed.pipeline.shards.keys import keys_from_arrow
from albert_embed.pipeline.shards.places import KEY, UNIQUE
from albert_embed.transforms.rows.columns import ID, INPUT_POSITION, TEXT_START
from albert_embed.transforms.steps.failure import Failure


class SelectedDocuments:
    """The documents of a part that a run is to embed or to fail.

    Args:
      selected: `SELECTED_SCHEMA` of this part; a part that is read twice has each of its documents twice.
    """

    def __init__(self, selected: pa.Table) -> None:
        positions, first = np.unique(np.asarray(selected[INPUT_POSITION]), return_index=True)
        self._places = KnownPlaces(positions, keys_from_arrow(selected[KEY])[first])
        self._unique = np.asarray(selected[UNIQUE])[first]

    @property
    def missing(self) -> int:
        """How many documents were selected and not met until now."""
        return int(self._places.missed.sum())

    def take(self, documents: pa.RecordBatch) -> tuple[pa.RecordBatch, list[Failure]]:
        """Returns the documents to embed, and a failure for each whose id belongs to several.

        A document that has changed since the comparison is in neither.

        Args:
          documents: as `DocumentReader` gives them.
        """
        met = self._places.meet(documents)
        unique = self._unique[met.places]
        failing = documents.select([ID, TEXT_START]).take(pa.array(met.rows[~unique]))
        return take_rows(documents, met.rows[unique]), [
            _fail(id_, text)
            for id_, text in zip(failing.column(ID).to_pylist(), failing.column(TEXT_START).to_pylist(), strict=True)
        ]


def _fail(id_: bytes, text: bytes) -> Failure:
    return Failure(
        id=id_,
        stage="read",
        reason="id not unique",
        error=f"the input has the id {id_.decode(errors='backslashreplace')!r} more than once, with different contents "
        "or in places that can't be told apart; an output that runs add to holds each id once: give each document an "
        "id of its own",
        text=text,
    )
