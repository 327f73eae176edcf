"""Turns the rows of a dataset into `VectorBlock`s."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from albert_embed.pipeline.dataset.published_output import PublishedOutput
from albert_embed.pipeline.dataset.read_embeddings import read_document_rows, read_rows
from albert_embed.pipeline.nearest.searched_embedding import SearchedEmbedding
from albert_embed.pipeline.nearest.vector_block import VectorBlock, measure_inverse_norms
from albert_embed.transforms.rows.columns import TYPES


def read_searched_rows(output: PublishedOutput, searched: SearchedEmbedding) -> Iterator[pa.RecordBatch]:
    """Returns the live rows of an output that hold an embedding: those of windows, or of documents.

    Raises:
      OutputError: if it was damaged.
    """
    return read_document_rows(output) if searched.of_documents else read_rows(output)


def make_blocks(batches: Iterable[pa.RecordBatch], column: str) -> Iterator[VectorBlock]:
    """Yields the vectors of one column, and what a hit shows of the others, from rows of `read_embeddings`.

    Args:
      batches: live rows.
      column: of the vectors, large_list<float32> of one length.
    """
    for batch in batches:
        vectors = take_vectors(batch, column)
        shown = batch.select([name for name in batch.schema.names if is_shown(name, batch.schema.field(name).type)])
        yield VectorBlock(rows=shown, vectors=vectors, inverse_norms=measure_inverse_norms(vectors))


def take_vectors(batch: pa.RecordBatch, column: str) -> npt.NDArray[np.float32]:
    """Returns the vectors of a column, `[rows, width]` float32."""
    return np.asarray(batch.column(column).flatten(), np.float32).reshape(batch.num_rows, -1)


def is_shown(name: str, type_: pa.DataType) -> bool:
    """Returns whether a hit shows a column: all but vectors and the columns of single tokens."""
    return not (pa.types.is_large_list(type_) and name in TYPES)
