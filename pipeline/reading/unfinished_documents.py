"""`UnfinishedDocuments`: drops from a part of the input the documents that an earlier run has finished."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from albert_embed.pipeline.reading.known_places import KnownPlaces, take_rows
from albert_embed.pipeline.shards.keys import keys_from_arrow
from albert_embed.pipeline.shards.places import KEY
from albert_embed.transforms.rows.columns import (
    FINISHED_WINDOWS,
    INPUT_POSITION,
    TYPES,
    WINDOW,
    WINDOW_COUNT,
)


class UnfinishedDocuments:
    """The documents of a part, less those whose windows all have rows in finished shards.

    Args:
      finished: `FINISHED_SCHEMA`, a row for each finished window of this part's documents.
    """

    def __init__(self, finished: pa.Table) -> None:
        finished = finished.sort_by([(INPUT_POSITION, "ascending"), (WINDOW, "ascending")])
        positions, starts, counts = np.unique(
            np.asarray(finished[INPUT_POSITION]), return_index=True, return_counts=True
        )
        self._places = KnownPlaces(positions, keys_from_arrow(finished[KEY])[starts])
        self._whole = counts == np.asarray(finished[WINDOW_COUNT])[starts]
        windows = finished[WINDOW].combine_chunks()
        self._windows = pa.ListArray.from_arrays(pa.array([*starts, len(windows)], pa.int32()), windows)
        self._rows = counts

    @property
    def missing_rows(self) -> int:
        """How many finished rows belong to documents that were not met until now."""
        return int(self._rows[self._places.missed].sum())

    def take(self, documents: pa.RecordBatch) -> pa.RecordBatch:
        """Returns the documents that are not finished.

        Those of which some windows are, have these in `finished_windows`.

        Args:
          documents: as `DocumentReader` gives them.
        """
        if not len(self._rows):
            return documents
        met = self._places.meet(documents)
        places = np.full(documents.num_rows, -1)
        places[met.rows] = met.places
        left = np.flatnonzero((places < 0) | ~self._whole[places])
        partly = places[left] >= 0
        documents = take_rows(documents, left)
        if not partly.any():
            return documents
        windows = self._windows.take(pa.array(places[left], mask=~partly)).cast(TYPES[FINISHED_WINDOWS])
        return documents.append_column(FINISHED_WINDOWS, windows)
