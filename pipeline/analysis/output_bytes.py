"""How many bytes the output of a corpus will have, estimated from encoded rows of two lengths."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from albert_embed.model.architecture.shape_vectors import shape_vectors
from albert_embed.model.directory.model_directory import ModelDirectory
from albert_embed.model.hosting.embed_batch import attach_embeddings
from albert_embed.model.hosting.embeddings import EMBEDDING_COLUMNS
from albert_embed.pipeline.analysis.timing import make_batch
from albert_embed.pipeline.formats.tf_examples import encode_examples
from albert_embed.pipeline.job.prepared_run import choose_row_schema
from albert_embed.pipeline.settings.embed_choices import DOCUMENT
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.transforms.corpus.corpus_statistics import CorpusStatistics
from albert_embed.transforms.rows.columns import (
    INPUT_IDS,
    MEAN_OUTPUT,
    POOLED_OUTPUT,
    SENTENCE_EMBEDDING,
    SEQUENCE_OUTPUT,
    TEXT_START,
    TOKEN_ENDS,
    TOKEN_PIECES,
    TOKEN_STARTS,
)

# Around every record of a TFRecord file.
_RECORD_FRAME_BYTES = 16


def estimate_output_bytes(options: EmbedOptions, model: ModelDirectory, statistics: CorpusStatistics) -> int:
    """Estimates the bytes of the TFRecord files from encoded rows of two lengths, and a line through both.

    Ids are assumed to be as long as content hashes, and kept fields to be empty.
    """
    if not statistics.rows:
        return 0
    short, long = 2, 130
    sizes = [_count_row_bytes(options, model, length) for length in (short, long)]
    per_token = (sizes[1] - sizes[0]) / (long - short)
    more_id_bytes = statistics.id_bytes / statistics.tokens - 1 if statistics.tokens else 0.0
    rows = statistics.rows * (sizes[0] - short * per_token) + statistics.row_tokens * (per_token + more_id_bytes)
    if DOCUMENT not in options.embeddings:
        return round(rows)
    # A document's row has nearly the size of a window's with few tokens and one vector.
    one_vector = dataclasses.replace(options, embeddings=("mean",), tokens=False)
    return round(rows + statistics.documents * _count_row_bytes(one_vector, model, 2))


def _count_row_bytes(options: EmbedOptions, model: ModelDirectory, length: int) -> int:
    """Returns the bytes of one row of `length` tokens in a TFRecord file, where each token's id has one byte."""
    hidden_size = model.config.hidden_size
    ids = np.ones((1, length), np.int64)
    zeros = {
        POOLED_OUTPUT: np.zeros((1, hidden_size), np.float32),
        SEQUENCE_OUTPUT: np.zeros((1, length, hidden_size), np.float32),
        SENTENCE_EMBEDDING: np.zeros((1, model.sentence_size), np.float32),
        MEAN_OUTPUT: np.zeros((1, hidden_size), np.float32),
    }
    row = attach_embeddings(make_batch(ids, pair=False), np.ones_like(ids, bool), zeros, options.row_embeddings)
    columns = [EMBEDDING_COLUMNS[name] for name in options.row_embeddings]
    row = shape_vectors(row.drop_columns([TEXT_START]), columns=columns, shape=options.vector_shape)
    if options.tokens:
        offsets = row.column(INPUT_IDS).offsets
        row = row.append_column(
            TOKEN_PIECES, pa.LargeListArray.from_arrays(offsets, pa.array([b"\xe2\x96\x81a"] * length))
        )
        for name in (TOKEN_STARTS, TOKEN_ENDS):
            row = row.append_column(name, pa.LargeListArray.from_arrays(offsets, pa.array(np.full(length, 1000))))
    schema = choose_row_schema(dataclasses.replace(options, keep_fields=()), model)
    (example,) = encode_examples(row, schema)
    return len(example) + _RECORD_FRAME_BYTES
