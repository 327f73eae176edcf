"""The columns of a RecordBatch: the one place that owns their names and Arrow types.

Every stage of the pipeline speaks `pyarrow.RecordBatch`. A document starts as `{id, text[, pair], …}`, becomes
rows of `{id, window, window_start, window_count, truncated, input_ids[, segment_ids], …}`, and ends
with the embeddings asked for; a row per document is `{id, windows, tokens, …, document_output}`.
"""

from __future__ import annotations

import pyarrow as pa

ID = "id"
TEXT = "text"
PAIR = "pair"
TEXT_START = "text_start"  # the first bytes of the text, for the failures output
INPUT_IDS = "input_ids"
SEGMENT_IDS = "segment_ids"
INPUT_MASK = "input_mask"  # exists only inside a padded batch: real tokens are what `input_ids` holds
WINDOW = "window"
WINDOW_START = "window_start"
TRUNCATED = "truncated"
# Of every row, for the pipeline's own use; never written with the embeddings.
CONTENT_HASH = "content_hash"  # of the document's texts and kept fields: shows whether it has changed since a run
WINDOW_COUNT = "window_count"  # windows of the row's document
# Where the document is in the input, the same in every reading: what of the input was read in one piece
# (`pipeline.records.part`), and which record of that, from 0.
INPUT_RANGE = "input_range"
INPUT_POSITION = "input_position"
INTERNAL_COLUMNS = (SEGMENT_IDS, CONTENT_HASH, WINDOW_COUNT, INPUT_RANGE, INPUT_POSITION)
# Of a document, on its way to its windows: those whose rows an earlier run has finished.
FINISHED_WINDOWS = "finished_windows"
# A kept field that has the name of a text travels under another until the texts are no longer needed.
TRAVELLING_NAMES = {TEXT: "kept text", PAIR: "kept pair"}
POOLED_OUTPUT = "pooled_output"
SEQUENCE_OUTPUT = "sequence_output"
MEAN_OUTPUT = "mean_output"
SENTENCE_EMBEDDING = "sentence_embedding"  # as sentence-transformers calls it

# Of a row per document, made from its windows.
WINDOWS = "windows"  # how many
TOKENS = "tokens"  # of all of them
DOCUMENT_OUTPUT = "document_output"

VECTOR_COLUMNS = (POOLED_OUTPUT, SEQUENCE_OUTPUT, MEAN_OUTPUT, SENTENCE_EMBEDDING, DOCUMENT_OUTPUT)
# The suffix of the column that holds the scales of an embedding that is stored as integers.
SCALE_SUFFIX = "_scale"

# What the transform graph gives for each document beside `input_ids`: its windows follow one another in `input_ids`
# (with their [CLS] and [SEP]), and these two lists say where to cut.
WINDOW_LENGTHS = "window_lengths"
WINDOW_STARTS = "window_starts"
TOKEN_COUNT = "token_count"  # tokens of the whole document before truncation, without [CLS] and [SEP]

# With `--tokens`: of every token of `input_ids`, its piece and the bytes [start, end) of the text it came from.
TOKEN_PIECES = "token_pieces"
TOKEN_STARTS = "token_starts"
TOKEN_ENDS = "token_ends"
TOKEN_COLUMNS = (TOKEN_PIECES, TOKEN_STARTS, TOKEN_ENDS)

TYPES: dict[str, pa.DataType] = {
    ID: pa.binary(),
    TEXT: pa.binary(),
    PAIR: pa.binary(),
    TEXT_START: pa.binary(),
    INPUT_IDS: pa.large_list(pa.int64()),
    SEGMENT_IDS: pa.large_list(pa.int64()),
    WINDOW: pa.int64(),
    WINDOW_START: pa.int64(),
    TRUNCATED: pa.int64(),
    CONTENT_HASH: pa.binary(16),
    WINDOW_COUNT: pa.int64(),
    INPUT_RANGE: pa.binary(16),
    INPUT_POSITION: pa.int64(),
    FINISHED_WINDOWS: pa.list_(pa.int64()),
    WINDOW_LENGTHS: pa.large_list(pa.int64()),
    WINDOW_STARTS: pa.large_list(pa.int64()),
    TOKEN_COUNT: pa.int64(),
    TOKEN_PIECES: pa.large_list(pa.binary()),
    TOKEN_STARTS: pa.large_list(pa.int64()),
    TOKEN_ENDS: pa.large_list(pa.int64()),
    **dict.fromkeys(VECTOR_COLUMNS, pa.large_list(pa.float32())),
    WINDOWS: pa.int64(),
    TOKENS: pa.int64(),
}
