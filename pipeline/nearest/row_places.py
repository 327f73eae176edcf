"""Where a row of a dataset is, as one number: its generation, its file among those of the generation, its place in it.

The numbers are in the order of the rows. A row keeps its number until the dataset is compacted or replaced.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from albert_embed.pipeline.dataset.published_output import PublishedFile

_ROW_BITS, _FILE_BITS, _GENERATION_BITS = 28, 18, 18

Places = npt.NDArray[np.uint64]


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlacedFile:
    """A file of rows, and the number of its first row.

    Attributes:
      file: the file.
      first: the number of its first row; the others follow.
    """

    file: PublishedFile
    first: int

    def place_rows(self, start: int, count: int) -> Places:
        """Returns the numbers of some rows of the file.

        Args:
          start: the first of them, counted from 0.
          count: how many.

        Raises:
          ValueError: if the file has more rows than there are numbers.
        """
        if start + count > 1 << _ROW_BITS:
            raise ValueError(f"{self.file.path} has more than {1 << _ROW_BITS:,} rows; write smaller --shard-bytes")
        return np.arange(self.first + start, self.first + start + count, dtype=np.uint64)


def place_files(files: Sequence[PublishedFile]) -> list[PlacedFile]:
    """Numbers files within their generations, in their order.

    Raises:
      ValueError: if there are more generations, or files of one, than there are numbers.
    """
    counts: dict[int, int] = {}
    placed = []
    for file in files:
        number = counts.get(file.generation, 0)
        counts[file.generation] = number + 1
        if number >= 1 << _FILE_BITS or file.generation >= (1 << _GENERATION_BITS) - 1:
            raise ValueError(
                f"{file.path} is file {number:,} of generation {file.generation:,}, more than an index can number: run "
                "albert-embed compact, with larger --shard-bytes"
            )
        first = ((file.generation << _FILE_BITS) | number) << _ROW_BITS
        placed.append(PlacedFile(file=file, first=first))
    return placed


def group_places(places: Places, files: Sequence[PlacedFile]) -> Iterator[tuple[PlacedFile, list[int]]]:
    """Yields each file that has some of the rows, and their places in it, from first to last.

    Args:
      places: numbers of rows, from first to last, each once.
      files: of the dataset.

    Raises:
      KeyError: if a row is in none of the files.
    """
    found = {file.first >> _ROW_BITS: file for file in files}
    names = (places >> np.uint64(_ROW_BITS)).astype(np.int64)
    for name in np.unique(names).tolist():
        yield found[name], [int(place) - found[name].first for place in places[names == name]]
