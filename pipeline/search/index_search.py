"""`IndexSearch`: finds rows by the index of a dataset, and scores what it has found as exact search does."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import shlex
import tempfile
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from albert_embed.pipeline.dataset.published_output import PublishedOutput
from albert_embed.pipeline.nearest.build_index import choose_index_settings
from albert_embed.pipeline.nearest.fetch_index import fetch_index
from albert_embed.pipeline.nearest.find_nearest import Hit, find_nearest
from albert_embed.pipeline.nearest.row_places import Places
from albert_embed.pipeline.nearest.searchable_rows import SearchableRows
from albert_embed.pipeline.nearest.searched_embedding import SearchedEmbedding
from albert_embed.pipeline.nearest.vector_block import VectorBlock, measure_inverse_norms
from albert_embed.pipeline.nearest.vector_index import MissingLibraryError, VectorIndex
from albert_embed.pipeline.settings.search_options import Metric
from albert_embed.pipeline.storage.output_error import OutputError

logger = logging.getLogger(__name__)

IndexUse = Literal["used", "stale", "none"]
_PLACE = "place"
# More rows than are wanted are scored: the index compares queries that are rounded to the type of its vectors.
_CANDIDATES_PER_HIT = 2


class IndexSearch:
    """The index of a dataset, open for searches; a context manager.

    The index is mapped into memory. One in a bucket is first copied to this machine.

    Args:
      rows: of the version that has the index.

    Raises:
      OutputError: if the index is damaged.
      MissingLibraryError: if usearch is not installed.
    """

    def __init__(self, rows: SearchableRows) -> None:
        self._rows = rows
        self._closing = contextlib.ExitStack()
        described = rows.output.manifest.search_index
        assert described is not None
        settings = dataclasses.replace(
            choose_index_settings(rows, described.metric),
            connectivity=described.connectivity,
            expansion_add=described.expansion_add,
            expansion_search=described.expansion_search,
        )
        with contextlib.ExitStack() as opening:
            local = opening.enter_context(tempfile.TemporaryDirectory(prefix="albert-embed-index-"))
            try:
                self._index = VectorIndex.open(fetch_index(rows.output.search_index[0].path, local), settings)
            except MissingLibraryError:
                raise
            except (ValueError, RuntimeError) as e:
                raise OutputError(
                    f"{rows.output.directory}: the index can't be opened: {e}; run `albert-embed index "
                    f"{shlex.quote(rows.output.directory)} --rebuild`, or search with --exact"
                ) from e
            self._closing = opening.pop_all()

    @property
    def metric(self) -> Metric:
        """How the index compares vectors."""
        return self._index.settings.metric

    def find(self, queries: npt.NDArray[np.float32], *, hits: int) -> list[list[Hit]]:
        """Finds rows whose vectors have high scores with each query: nearly always those with the highest.

        Args:
          queries: `[queries, width]` float32.
          hits: how many to find for each.

        Returns:
          The hits of each query, best first, with exact scores; a hit's `position` is that of the row in the files.

        Raises:
          OutputError: if the dataset is damaged.
        """
        found = [
            self._score(query, places)
            for query, places in zip(queries, self._index.find(queries, hits * _CANDIDATES_PER_HIT), strict=True)
        ]
        best = [query_hits[:hits] for query_hits in found]
        rows = self._rows.take(np.array([hit.position for query_hits in best for hit in query_hits], np.uint64))
        return [[dataclasses.replace(hit, row=rows[hit.position]) for hit in query_hits] for query_hits in best]

    def _score(self, query: npt.NDArray[np.float32], candidates: Places) -> list[Hit]:
        """Returns candidates as hits without their rows, in the order of exact search."""
        places = np.sort(candidates)
        vectors = self._index.get(places)
        block = VectorBlock(
            rows=pa.RecordBatch.from_arrays([pa.array(places)], names=[_PLACE]),
            vectors=vectors,
            inverse_norms=measure_inverse_norms(vectors),
        )
        (hits,) = find_nearest([block], query[np.newaxis], hits=len(places), metric=self._index.settings.metric)
        return [dataclasses.replace(hit, position=hit.row[_PLACE], row={}) for hit in hits]

    def __enter__(self) -> IndexSearch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Removes the copy of the index, if there is one."""
        self._closing.close()


def choose_index(output: PublishedOutput, searched: SearchedEmbedding, metric: Metric) -> IndexUse:
    """Returns whether a version has an index of its own rows for a search (`used`), an earlier one's, or none."""
    there = output.manifest.search_index
    if there is None or (there.embedding, there.metric) != (searched.name, metric):
        return "none"
    if output.manifest.has_current_index:
        return "used"
    logger.info(
        "comparing all rows: the index is of version %d, the output is version %d; `albert-embed index %s` renews it",
        there.version,
        output.manifest.generation,
        shlex.quote(output.directory),
    )
    return "stale"
