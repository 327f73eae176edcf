"""`write_atlas`: rows, their map and their neighbours as a Parquet file for Embedding Atlas."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from albert_embed.pipeline.nearest.find_nearest import choose_highest
from albert_embed.pipeline.vectors.project_vectors import project_vectors
from albert_embed.pipeline.vectors.report_options import MapMethod
from albert_embed.pipeline.vectors.sample_rows import RowSample
from albert_embed.transforms.files.directories import write_file_atomically
from albert_embed.transforms.rows.columns import ID, TEXT
from albert_embed.transforms.rows.plain_values import to_plain

NEIGHBOURS = 10
# Embedding Atlas knows a neighbour by its place in the file, from 0.
_NEIGHBOURS_TYPE = pa.struct([("ids", pa.list_(pa.int64())), ("distances", pa.list_(pa.float32()))])
# Maximum cosines in memory at a time: 64 MB in float32.
_MAX_COSINES = 16 << 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class AtlasFile:
    """A file that was written.

    Attributes:
      path: where it is.
      rows: how many it holds.
      row_count: how many the dataset has.
    """

    path: str
    rows: int
    row_count: int


def write_atlas(sample: RowSample, path: str, *, method: MapMethod, seed: int, vectors: bool = False) -> AtlasFile:
    """Writes rows as a Parquet file, completely or not at all.

    Columns: `id`; `text` where the dataset has it; `x` and `y`, the place on the map; `neighbors`, a struct of `ids`
    and `distances` (1 - cosine) of the `NEIGHBOURS` nearest other rows; all others that the sample shows; and `vector`.

    Args:
      sample: the rows.
      path: of the file, on any file system that Beam knows.
      method: of the map.
      seed: of the map.
      vectors: whether the vectors are written, too.

    Raises:
      ValueError: if the method's package is missing.
      OSError: if the file can't be written.
    """
    coordinates = np.zeros((0, 2), np.float32)
    if len(sample.rows) > 1:
        coordinates = project_vectors(sample.vectors, method, seed=seed).coordinates
    elif sample.rows:
        coordinates = np.zeros((1, 2), np.float32)
    names = list(dict.fromkeys(name for row in sample.rows for name in row)) or [ID]
    columns: dict[str, Any] = {ID: _take(sample, ID)}
    if TEXT in names:
        columns[TEXT] = _take(sample, TEXT)
    columns |= {"x": coordinates[:, 0], "y": coordinates[:, 1]}
    columns["neighbors"] = pa.array(find_all_neighbours(sample.vectors, NEIGHBOURS), _NEIGHBOURS_TYPE)
    for name in names:
        columns.setdefault(name, _take(sample, name))
    if vectors:
        columns["vector"] = pa.array(list(sample.vectors), pa.list_(pa.float32()))
    written = io.BytesIO()
    pq.write_table(pa.table(columns), written, compression="zstd")
    write_file_atomically(path, written.getvalue())
    return AtlasFile(path=path, rows=len(sample.rows), row_count=sample.row_count)


def _take(sample: RowSample, name: str) -> pa.Array:
    """Returns a column; bytes as text, which Embedding Atlas can show and filter."""
    values = [to_plain(row.get(name)) for row in sample.rows]
    return pa.array(values, pa.string() if name in (ID, TEXT) else None)


def find_all_neighbours(vectors: npt.NDArray[np.float32], count: int) -> list[dict[str, Any]]:
    """Finds the nearest other rows of each row by their cosine, in blocks: memory does not grow with the square.

    Args:
      vectors: `[rows, hidden]`.
      count: how many to find for each.

    Returns:
      For each row `ids`, the other rows, nearest first, and `distances`, 1 - cosine.
    """
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True) if len(vectors) else np.zeros((0, 1))
    unit = (vectors / np.where(norms > 0, norms, 1)).astype(np.float32)
    step = max(1, _MAX_COSINES // max(1, len(unit)))
    count = min(count, len(unit) - 1)
    if count < 1:
        return [{"ids": [], "distances": []} for _ in unit]
    found = []
    for start in range(0, len(unit), step):
        for number, cosines in enumerate(unit[start : start + step] @ unit.T, start):
            cosines[number] = -np.inf
            nearest = choose_highest(cosines, count)
            found.append({"ids": nearest.tolist(), "distances": (1 - cosines[nearest]).clip(0).tolist()})
    return found
