"""The columns that say for every token which piece it is and where in the text it came from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from albert_embed.transforms.rows import columns
from albert_embed.transforms.rows.list_lengths import list_lengths
from albert_embed.transforms.text.token_spans import LocatedTokens, TokenLocator
from albert_embed.transforms.text.vocabulary import Vocabulary


def add_token_columns(inputs: pa.RecordBatch, documents: pa.RecordBatch, locator: TokenLocator) -> pa.RecordBatch:
    """Adds `token_pieces`, `token_starts` and `token_ends` to what the transform graph made of documents.

    Args:
      inputs: as the graph gives them: `input_ids`[, `segment_ids`], `window_lengths`, `window_starts`, ….
      documents: the same rows, with the `text`[, `pair`] that went into the graph.
      locator: of the graph's vocabulary and casing.

    Returns:
      `inputs` and three large lists, as long as `input_ids`: binary pieces, int64 starts and ends, bytes of the text.
      [CLS] and [SEP] have empty spans: where the row's tokens start, and where those of their text end. After the
      first [SEP] of a pair the bytes are those of the second text. Starts and ends are null in a row whose tokens
      differ from `input_ids`, because another version of a library made the graph.

    Raises:
      ValueError: if the documents have a column with one of these names.
    """
    clashes = [name for name in columns.TOKEN_COLUMNS if name in inputs.schema.names]
    if clashes:
        raise ValueError(f"the columns {', '.join(clashes)} have names that the tokens' positions use: rename them.")
    pair = columns.SEGMENT_IDS in inputs.schema.names
    located = [locator.locate(_read_texts(documents, columns.TEXT))]
    if pair:
        located.append(locator.locate(_read_texts(documents, columns.PAIR)))
    framed: list[LocatedTokens] = []
    for row, texts in enumerate(zip(*located, strict=True)):
        if pair:
            segments = np.asarray(inputs.column(columns.SEGMENT_IDS)[row].values)
            windows = [_cut_pair(texts[0], texts[1], tokens=len(segments), in_second=int(segments.sum()))]
        else:
            starts = inputs.column(columns.WINDOW_STARTS)[row].as_py()
            lengths = inputs.column(columns.WINDOW_LENGTHS)[row].as_py()
            windows = [[_cut(texts[0], start, length - 2)] for start, length in zip(starts, lengths, strict=True)]
        framed.append(
            _concatenate([part for window in windows for part in frame_located_tokens(window, locator.vocabulary)])
        )
    input_ids = inputs.column(columns.INPUT_IDS)
    offsets = np.concatenate([[0], np.cumsum(list_lengths(input_ids))])
    ids = np.asarray(input_ids.flatten())
    agree = [
        np.array_equal(tokens.ids, ids[start:end])
        for tokens, start, end in zip(framed, offsets[:-1], offsets[1:], strict=True)
    ]
    pieces = pa.array([piece.encode() for piece in locator.vocabulary.pieces], pa.binary())
    added = {
        columns.TOKEN_PIECES: pa.LargeListArray.from_arrays(pa.array(offsets), pieces.take(pa.array(ids))),
        columns.TOKEN_STARTS: _make_lists([tokens.starts for tokens in framed], agree),
        columns.TOKEN_ENDS: _make_lists([tokens.ends for tokens in framed], agree),
    }
    return pa.RecordBatch.from_pydict({**dict(zip(inputs.schema.names, inputs.columns, strict=True)), **added})


def frame_located_tokens(texts: Sequence[LocatedTokens], vocabulary: Vocabulary) -> list[LocatedTokens]:
    """Puts [CLS] before the tokens of one text or two, and [SEP] after each."""
    begin = int(texts[0].starts[0]) if len(texts[0].starts) else 0
    framed = [_make_special(vocabulary.cls_id, begin)]
    for tokens in texts:
        end = int(tokens.ends[-1]) if len(tokens.ends) else 0
        framed += [tokens, _make_special(vocabulary.sep_id, end)]
    return framed


def _make_special(piece_id: int, position: int) -> LocatedTokens:
    """Makes a token with an empty span."""
    return LocatedTokens(*(np.array([value], np.int64) for value in (piece_id, position, position)))


def _cut_pair(first: LocatedTokens, second: LocatedTokens, *, tokens: int, in_second: int) -> list[LocatedTokens]:
    """Takes the part of two texts that a model input has: `in_second` of its `tokens` follow the first [SEP]."""
    if not in_second:
        return [_cut(first, 0, tokens - 2)]
    return [_cut(first, 0, tokens - in_second - 2), _cut(second, 0, in_second - 1)]


def _cut(tokens: LocatedTokens, start: int, count: int) -> LocatedTokens:
    """Takes `count` tokens from `start`."""
    return LocatedTokens(*(values[start : start + count] for values in tokens))


def _concatenate(parts: Sequence[LocatedTokens]) -> LocatedTokens:
    """Concatenates tokens."""
    return LocatedTokens(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def _make_lists(rows: Sequence[npt.NDArray[np.int64]], valid: Sequence[bool]) -> pa.Array:
    """Turns the rows into large_list<int64>, null where they are not valid."""
    return pa.array([row if ok else None for row, ok in zip(rows, valid, strict=True)], pa.large_list(pa.int64()))


def _read_texts(documents: pa.RecordBatch, name: str) -> list[bytes]:
    """Reads a text column, in which nulls are empty texts."""
    texts: list[bytes] = documents.column(name).cast(pa.large_binary()).fill_null(b"").to_pylist()
    return texts
