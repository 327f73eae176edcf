"""The mean of each row's tokens, for a dataset that has a vector for each token and none for each row."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from albert_embed.model.architecture.padded_batch import float_lists
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.nearest.searched_embedding import SearchedEmbedding, choose_searched
from albert_embed.transforms.rows.columns import INPUT_IDS, MEAN_OUTPUT, SEQUENCE_OUTPUT
from albert_embed.transforms.rows.list_lengths import list_lengths

AVERAGED_TOKENS = SearchedEmbedding(name="sequence", column=MEAN_OUTPUT, query="mean", of_documents=False)


def choose_looked_at(manifest: Manifest) -> SearchedEmbedding:
    """Returns the embedding of a dataset that is looked at: the one that a search compares, or its tokens' means."""
    return AVERAGED_TOKENS if set(manifest.options["embeddings"]) == {"sequence"} else choose_searched(manifest)


def average_tokens(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Returns rows with `mean_output`, the mean of `sequence_output` over each row's tokens.

    Args:
      rows: at least one, as the readers of a dataset yield them.
    """
    counts = list_lengths(rows.column(INPUT_IDS))
    tokens = np.asarray(rows.column(SEQUENCE_OUTPUT).flatten(), np.float32).reshape(int(counts.sum()), -1)
    means = np.add.reduceat(tokens, np.cumsum(counts) - counts, axis=0) / counts[:, np.newaxis]
    return rows.append_column(MEAN_OUTPUT, float_lists(means.astype(np.float32), np.full(len(counts), tokens.shape[1])))
