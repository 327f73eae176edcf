"""`KnownPlaces`: finds documents again at the places of a part of the input where they were seen before."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from albert_embed.pipeline.shards.keys import document_keys
from albert_embed.transforms.rows.columns import CONTENT_HASH, ID, INPUT_POSITION


@dataclasses.dataclass(frozen=True, kw_only=True)
class MetDocuments:
    """Documents of a batch that are where they are known, and unchanged.

    Attributes:
      rows: of them in the batch, `[n]`.
      places: the number of each one's place among those that are known, `[n]`.
    """

    rows: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]


class KnownPlaces:
    """Places of one part, the document that is known at each, and which of these were met.

    Args:
      positions: `[n]` int64, sorted, each once.
      keys: of the document at each (`document_keys`), `[n]` of 16 bytes.
    """

    def __init__(self, positions: np.ndarray, keys: np.ndarray) -> None:
        self._positions = positions
        self._keys = keys
        self._met = np.zeros(len(positions), bool)

    @property
    def missed(self) -> npt.NDArray[np.bool_]:
        """At which places the known document was not met until now, `[n]`."""
        return ~self._met

    def meet(self, documents: pa.RecordBatch) -> MetDocuments:
        """Finds the documents that are known; one that has changed since is another.

        Args:
          documents: of the part, as `DocumentReader` gives them.
        """
        positions = np.asarray(documents.column(INPUT_POSITION))
        places = np.searchsorted(self._positions, positions)
        rows = np.flatnonzero(places < len(self._positions))
        rows = rows[self._positions[places[rows]] == positions[rows]]
        candidates = documents.select([ID, CONTENT_HASH]).take(pa.array(rows))
        keys = document_keys(candidates.column(ID), candidates.column(CONTENT_HASH))
        rows = rows[self._keys[places[rows]] == keys]
        self._met[places[rows]] = True
        return MetDocuments(rows=rows, places=places[rows])


def take_rows(documents: pa.RecordBatch, rows: np.ndarray) -> pa.RecordBatch:
    """Returns some rows; the documents themselves where that is all of them."""
    return documents if len(rows) == documents.num_rows else documents.take(pa.array(rows))
