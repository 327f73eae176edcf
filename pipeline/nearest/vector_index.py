"""`VectorIndex`: vectors in a graph (HNSW, by usearch), by which the nearest are found without comparing all."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from albert_embed.pipeline.formats.row_schema import RowSchema
from albert_embed.pipeline.formats.vector_encoding import MAX_INT8
from albert_embed.pipeline.nearest.row_places import Places
from albert_embed.pipeline.settings.search_options import Metric

if TYPE_CHECKING:
    from usearch.index import Index

LIBRARY = "usearch"
_METRICS = {"cosine": "cos", "dot": "ip"}
_TYPES = {"f32": np.float32, "f16": np.float16, "i8": np.int8}
_LOOKED_FOR_TOGETHER = 4096
# Enough for a row to find itself: of 40,000 rows no more were missed than with 32, for a third of the time.
_EXPANSION_TO_FIND_ITSELF = 8


class MissingLibraryError(RuntimeError):
    """The library of indexes can't be imported."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class IndexSettings:
    """How vectors are put into an index.

    Attributes:
      dimensions: width of the vectors.
      metric: how they are compared.
      value_type: of their values, `f32`, `f16` or `i8`.
      connectivity: links of a row; more of them cost memory and time, and find more.
      expansion_add: candidates while a row is added.
      expansion_search: candidates while rows are looked for.
    """

    dimensions: int
    metric: Metric
    value_type: str
    connectivity: int = 32
    expansion_add: int = 96
    expansion_search: int = 128


def choose_value_type(schema: RowSchema, metric: Metric) -> str:
    """Returns the smallest type that holds exactly what a dataset stores, so that scores are exact.

    By cosine the scale of a vector of int8 does not matter; by inner product it belongs to it, so floats are needed.
    """
    if schema.encoding == "float16_bytes":
        return "f16"
    if schema.encoding == "binary" or (schema.encoding == "int8" and metric == "cosine"):
        return "i8"
    return "f32"


def convert_vectors(vectors: npt.NDArray[np.float32], value_type: str, schema: RowSchema) -> npt.NDArray[Any]:
    """Converts vectors that were read to the values of an index, without loss.

    Args:
      vectors: `[rows, width]` float32, as readers give them.
      value_type: as `choose_value_type` says.
      schema: of the rows.
    """
    if value_type == "i8" and schema.vector_encoding.scaled:
        return schema.vector_encoding.encode(vectors)[0].astype(np.int8)
    return vectors.astype(_TYPES[value_type])


class VectorIndex:
    """Vectors by the places of their rows.

    Args:
      index: of usearch.
      settings: with which it was made.
    """

    def __init__(self, index: Index, settings: IndexSettings) -> None:
        self._index = index
        self.settings = settings

    @staticmethod
    def make(settings: IndexSettings) -> VectorIndex:
        """Makes an empty one.

        Raises:
          MissingLibraryError: if usearch is not installed.
        """
        index = _import_index()(
            ndim=settings.dimensions,
            metric=_METRICS[settings.metric],
            dtype=settings.value_type,
            connectivity=settings.connectivity,
            expansion_add=settings.expansion_add,
            expansion_search=settings.expansion_search,
        )
        return VectorIndex(index, settings)

    @staticmethod
    def open(path: str, settings: IndexSettings, *, writable: bool = False) -> VectorIndex:
        """Opens a local file: mapped into memory, or loaded to be changed.

        Raises:
          MissingLibraryError: if usearch is not installed.
          ValueError, RuntimeError: if it is not the file of an index.
        """
        made = VectorIndex.make(settings)
        if writable:
            made._index.load(path)
        else:
            made._index.view(path)
        return made

    def __len__(self) -> int:
        return len(self._index)

    def list_places(self) -> Places:
        """Returns the places of all rows, from first to last."""
        return np.sort(np.asarray(self._index.keys[:], np.uint64))

    def add(self, places: Places, vectors: npt.NDArray[Any]) -> None:
        """Adds rows, by cosine on all cores; see `reconnect`.

        Args:
          places: of the rows, which are not there.
          vectors: `[rows, dimensions]` of the index's type (`convert_vectors`).
        """
        self._index.add(places, vectors, threads=0 if self.settings.metric == "cosine" else 1)

    def reconnect(self, places: Places) -> int:
        """Adds rows again that nothing leads to, and returns how many there were.

        usearch 2.26 adds on several cores at once, and of 10,000 rows one or two lose all links to them meanwhile: they
        are not even found by their own vectors. On one core that does not happen. By inner product a row need not be
        the nearest to itself, so that such rows can't be told; there, `add` uses one core.

        Args:
          places: of rows that are there.
        """
        if self.settings.metric != "cosine":
            return 0
        lost = 0
        index: Any = self._index  # mypy does not see the setter
        index.expansion_search = _EXPANSION_TO_FIND_ITSELF
        for start in range(0, len(places), _LOOKED_FOR_TOGETHER):
            block = places[start : start + _LOOKED_FOR_TOGETHER]
            vectors = self._get_stored(block)
            nearest = np.asarray([found[0] for found in self.find(vectors, 1)], np.uint64)
            missed = np.flatnonzero(nearest != block)
            copies = (vectors[missed] == self._get_stored(nearest)[missed]).all(axis=1)
            missed = missed[~copies & vectors[missed].any(axis=1)]
            if len(missed):
                self._index.remove(block[missed])
                self._index.add(block[missed], vectors[missed], threads=1)
            lost += len(missed)
        index.expansion_search = self.settings.expansion_search
        return lost

    def remove(self, places: Places) -> int:
        """Removes those of some rows that are there, and returns how many."""
        before = len(self)
        self._index.remove(places)
        return before - len(self)

    def get(self, places: Places) -> npt.NDArray[np.float32]:
        """Returns the vectors of rows that are there, `[rows, dimensions]` float32."""
        return self._get_stored(places).astype(np.float32)

    def _get_stored(self, places: Places) -> npt.NDArray[Any]:
        if not len(places):
            return np.zeros((0, self.settings.dimensions), _TYPES[self.settings.value_type])
        found: Any = self._index.get(places)  # a tuple of vectors
        return np.vstack(found)

    def find(self, queries: npt.NDArray[Any], count: int, *, exactly: bool = False) -> list[Places]:
        """Finds rows that are near to each query, fewer where there are fewer.

        Args:
          queries: `[queries, dimensions]`, float32 or of the type of the index.
          count: how many to find for each.
          exactly: whether all rows are compared.
        """
        if not len(self):
            return [np.zeros(0, np.uint64) for _ in queries]
        converted = self._convert_queries(queries)
        matches: Any = self._index.search(converted, min(count, len(self)), exact=exactly)
        if len(queries) == 1:  # usearch answers one query in another form
            return [np.asarray(matches.keys, np.uint64)]
        found = zip(matches.keys, matches.counts, strict=True)
        return [np.asarray(keys[:number], np.uint64) for keys, number in found]

    def save(self, path: str) -> None:
        """Writes it to a local file.

        Raises:
          OSError: if there is no room for it.
        """
        try:
            self._index.save(path)
        except RuntimeError as e:
            raise OSError(f"{path}: {e}") from e
        written, wanted = os.path.getsize(path), self._index.serialized_length
        if written != wanted:  # on a full disk, usearch says nothing
            raise OSError(f"only {written:,} of {wanted:,} bytes of {path} could be written; make room for it")

    def _convert_queries(self, queries: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Rounds queries to the type of the index; their scores are computed from what they are."""
        if queries.dtype == _TYPES[self.settings.value_type]:
            return queries
        if self.settings.value_type == "i8":
            peaks = np.abs(queries).max(axis=1, keepdims=True)
            queries = np.rint(queries * (MAX_INT8 / np.where(peaks > 0, peaks, 1)))
        return queries.astype(_TYPES[self.settings.value_type])


def describe_library() -> str:
    """Returns the library that makes indexes, with its version."""
    return f"{LIBRARY} {importlib.metadata.version(LIBRARY)}"


def refuse_missing_library() -> None:
    """Raises ValueError if the library of indexes can't be imported here."""
    try:
        _import_index()
    except MissingLibraryError as e:
        raise ValueError(str(e)) from e


def _import_index() -> type[Index]:
    try:
        from usearch.index import Index
    except ImportError as e:
        raise MissingLibraryError(
            f"an index needs the library usearch, which can't be imported ({e}): install it, with the version that "
            "setup.py names, where the index is made and where it is searched; or search with --exact"
        ) from e
    found: type[Index] = Index
    return found
