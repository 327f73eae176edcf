"""`SearchableRows`: the rows of one version of a dataset that hold an embedding, and where each of them is."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from albert_embed.pipeline.dataset.published_output import PublishedOutput, find_files
from albert_embed.pipeline.dataset.read_embeddings import explain_damage, read_tombstones
from albert_embed.pipeline.formats.registry import make_format
from albert_embed.pipeline.formats.row_format import RowFormat
from albert_embed.pipeline.formats.row_schema import RowSchema
from albert_embed.pipeline.nearest.read_vectors import is_shown, take_vectors
from albert_embed.pipeline.nearest.row_places import PlacedFile, Places, group_places, place_files
from albert_embed.pipeline.nearest.searched_embedding import SearchedEmbedding
from albert_embed.pipeline.shards.read_ids import read_ids
from albert_embed.transforms.rows.columns import ID


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchableRows:
    """The rows of a version that hold an embedding.

    Attributes:
      output: the version.
      searched: the embedding.
    """

    output: PublishedOutput
    searched: SearchedEmbedding

    @property
    def count(self) -> int:
        """How many live rows there are."""
        counts = self.output.manifest.counts
        return (counts.document_rows or 0) if self.searched.of_documents else counts.rows

    @property
    def schema(self) -> RowSchema:
        """The schema of the rows."""
        rows = self.output.manifest.row_schema
        return rows.of_documents() if self.searched.of_documents else rows

    @functools.cached_property
    def _files(self) -> list[PlacedFile]:
        return place_files(self.output.documents if self.searched.of_documents else self.output.shards)

    @functools.cached_property
    def _format(self) -> RowFormat:
        return make_format(self.output.format, self.schema)

    def read(self, *, after: int = 0) -> Iterator[tuple[Places, npt.NDArray[np.float32]]]:
        """Yields the live rows, a batch at a time: where they are, and their vectors, `[rows, width]`.

        Args:
          after: only rows of later generations.

        Raises:
          OutputError: if a file is damaged.
        """
        tombstones = read_tombstones(self.output)
        for placed in self._files:
            if placed.file.generation <= after:
                continue
            start = 0
            with explain_damage(self.output):
                for batch in self._format.read([placed.file.path]):
                    places = placed.place_rows(start, batch.num_rows)
                    start += batch.num_rows
                    live = tombstones.find_live(batch.column(ID), placed.file.generation)
                    if live is not None:
                        batch, places = batch.filter(pa.array(live)), places[live]
                    if batch.num_rows:
                        yield places, take_vectors(batch, self.searched.column)

    def find_dead(self, *, until: int) -> Iterator[Places]:
        """Yields where the rows are that generations after `until` have superseded, and some that were dead before.

        Args:
          until: only rows of generations up to this one.

        Raises:
          OutputError: if a file is damaged.
        """
        tombstones = read_tombstones(self.output)
        if tombstones.last <= until:
            return
        with explain_damage(self.output):
            for placed, ids in self._read_ids(until):
                start = 0
                for part in ids:
                    places = placed.place_rows(start, len(part))
                    start += len(part)
                    live = tombstones.find_live(part, placed.file.generation)
                    if live is not None:
                        yield places[~live]

    def _read_ids(self, until: int) -> Iterator[tuple[PlacedFile, Iterator[pa.Array]]]:
        """Yields files of generations up to `until`, and their ids: those of windows from the small `_index` files."""
        files = [placed for placed in self._files if placed.file.generation <= until]
        if self.searched.of_documents:
            for placed in files:
                yield placed, (batch.column(ID) for batch in self._format.read([placed.file.path]))
            return
        named = [file for file in self.output.manifest.index_shards if (file.generation or until + 1) <= until]
        for placed, index in zip(files, find_files(self.output.directory, named), strict=True):
            yield placed, read_ids(index.path)

    def take(self, places: Places) -> dict[int, dict[str, Any]]:
        """Reads some rows: what a hit shows of each (`read_vectors.is_shown`), as plain values, by where it is.

        Args:
          places: of the rows.

        Raises:
          OutputError: if a file is damaged.
        """
        wanted = np.unique(places)
        columns = [field.name for field in self.schema.arrow if is_shown(field.name, field.type)]
        rows: dict[int, dict[str, Any]] = {}
        for placed, inside in group_places(wanted, self._files):
            with explain_damage(self.output):
                batch = self._format.take(placed.file.path, inside, columns)
            found = zip(inside, batch.to_pylist(), strict=True)
            rows |= {placed.first + place: row for place, row in found}
        return rows
