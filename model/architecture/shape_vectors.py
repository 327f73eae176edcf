"""`shape_vectors`: gives the vectors of rows another `VectorShape`."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from albert_embed.model.architecture.padded_batch import float_lists
from albert_embed.model.architecture.vector_shape import VectorShape
from albert_embed.transforms.rows.columns import INPUT_IDS, SEQUENCE_OUTPUT
from albert_embed.transforms.rows.list_lengths import list_lengths


def shape_vectors(rows: pa.RecordBatch, *, columns: Iterable[str], shape: VectorShape) -> pa.RecordBatch:
    """Returns `rows` with the vectors of some columns in another shape.

    Args:
      rows: as the handler gives them, or of documents.
      columns: of vectors, large_list<float32>; `sequence_output` has a vector for each token.
      shape: of every vector.
    """
    if shape.changes_nothing or not rows.num_rows:
        return rows
    for name in columns:
        counts = list_lengths(rows.column(INPUT_IDS)) if name == SEQUENCE_OUTPUT else np.ones(rows.num_rows, np.int64)
        vectors = shape.apply(np.asarray(rows.column(name).flatten()).reshape(int(counts.sum()), -1))
        lists = float_lists(np.ascontiguousarray(vectors), counts * vectors.shape[1])
        rows = rows.set_column(rows.schema.get_field_index(name), name, lists)
    return rows
