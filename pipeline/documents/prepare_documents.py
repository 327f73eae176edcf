"""Checks documents before they reach the transform graph: text must be UTF-8, and every document has an id."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from albert_embed.pipeline.records.content_id import content_id, hash_content
from albert_embed.pipeline.records.records import MAX_TEXT_BYTES
from albert_embed.pipeline.records.utf8 import MAX_NUL_SHARE, find_invalid_utf8
from albert_embed.transforms.rows.columns import (
    CONTENT_HASH,
    ID,
    INPUT_POSITION,
    INPUT_RANGE,
    PAIR,
    TEXT,
    TEXT_START,
    TYPES,
)
from albert_embed.transforms.steps import metrics
from albert_embed.transforms.steps.bad_rows import BadRows, Fault
from albert_embed.transforms.steps.failure import TEXT_START_BYTES, Failure
from albert_embed.transforms.steps.map_or_fail import MapOrFail

# SentencePiece holds up to 213 bytes for every byte of one word (measured, random letters): 5 MB without
# a space take a process to 2.1 GB, 20 MB to over 5. A "word" this long is not text but base64 or the like, and could
# use up the whole run's memory.
MAX_WORD_BYTES = 5_000_000
# Where a document is in the input, which is no part of its content.
_PLACE = (INPUT_RANGE, INPUT_POSITION)


def prepare_documents(documents: pa.RecordBatch) -> tuple[pa.RecordBatch, list[Failure]]:
    """Returns the documents that can be embedded, and a failure for each that can't.

    Args:
      documents: `text`[, `pair`] (binary or string), optionally `id` (binary, string or integer), any other columns.
        A document whose id is null or that has none gets a hash of its content.

    Returns:
      The same columns with `id` as binary, texts as large_binary and the start of the text added as `text_start`
      and the hash of texts and other columns as `content_hash`, without the rows whose text is null or not UTF-8.

    Raises:
      ValueError: if there is no column `text`, or a text or the id is of another type.
    """
    names = documents.schema.names
    if TEXT not in names:
        raise ValueError(f"documents need a column {TEXT!r}; these have {names}")
    columns: dict[str, pa.Array] = dict(zip(names, documents.columns, strict=True))
    text_names = [name for name in (TEXT, PAIR) if name in columns]
    for name in text_names:
        columns[name] = _cast(name, columns[name], pa.large_binary(), "text")
    texts = [columns[name] for name in text_names]
    columns[ID] = fill_ids(columns.get(ID), texts)
    others = [column for name, column in columns.items() if name not in (ID, *_PLACE, *text_names)]
    columns[TEXT_START] = _starts(columns[TEXT])
    columns[CONTENT_HASH] = hash_documents(texts, others)
    prepared = pa.RecordBatch.from_pydict(columns)
    bad = BadRows()
    for name, text in zip(text_names, texts, strict=True):
        for row in find_bad_texts(text):
            bad.add(row, describe_bad_text(text[row].as_py(), name))
    failures = [
        fault.fail(
            stage="preprocess", id_=prepared.column(ID)[row].as_py(), text=prepared.column(TEXT_START)[row].as_py()
        )
        for row, fault in bad
    ]
    return bad.drop_from(prepared), failures


def fill_ids(ids: pa.Array | None, texts: list[pa.Array]) -> pa.Array:
    """Returns `ids` as binary; missing ones are made from the content.

    Args:
      ids: binary, string or integer, null where a document has none; None where none has any.
      texts: of the documents, large_binary.

    Raises:
      ValueError: if the ids are of another type.
    """
    if ids is not None:
        ids = ids.cast(pa.string()) if pa.types.is_integer(ids.type) else ids
        ids = _cast(ID, ids, pa.binary(), "text or integers")
        if ids.null_count == 0:
            return ids
    rows = zip(*(text.to_pylist() for text in texts), strict=True)
    hashed = pa.array([content_id(*(text or b"" for text in row)) for row in rows], pa.binary())
    return hashed if ids is None else pc.coalesce(ids, hashed)


def hash_documents(texts: list[pa.Array], others: list[pa.Array]) -> pa.Array:
    """Returns a hash of each document's texts and other columns, which shows whether it has changed.

    Args:
      texts: large_binary columns; nulls count as empty, but no document that is embedded has any.
      others: columns of any type.

    Returns:
      fixed_size_binary[16].
    """
    parts = [[text or b"" for text in column.to_pylist()] for column in texts]
    parts += [[repr(value).encode() for value in column.to_pylist()] for column in others]
    return pa.array([hash_content(*row) for row in zip(*parts, strict=True)], TYPES[CONTENT_HASH])


def _cast(name: str, column: pa.Array, type_: pa.DataType, wanted: str) -> pa.Array:
    try:
        return column.cast(type_)
    except pa.ArrowNotImplementedError as e:
        raise ValueError(f"the column {name!r} is {column.type}; it must be {wanted}") from e


def _starts(texts: pa.Array) -> pa.Array:
    return pc.binary_slice(texts.fill_null(b""), 0, TEXT_START_BYTES).cast(pa.binary())


def find_bad_texts(texts: pa.Array) -> list[int]:
    """Finds the rows whose text, a large_binary, is null, binary, not UTF-8 or too long, or has too long a word."""
    lengths = pc.binary_length(texts)
    binary = pc.greater(pc.multiply(pc.count_substring(texts, "\0"), MAX_NUL_SHARE), lengths)
    invalid = sorted({*find_invalid_utf8(texts), *np.flatnonzero(np.asarray(binary.fill_null(False))).tolist()})
    longest = pc.max(lengths).as_py() or 0
    if texts.null_count == 0 and longest <= MAX_WORD_BYTES:
        return invalid
    bad = set(invalid)
    return [
        row
        for row, text in enumerate(texts.to_pylist())
        if text is None or row in bad or len(text) > MAX_TEXT_BYTES or _longest_word(text) > MAX_WORD_BYTES
    ]


def _longest_word(text: bytes) -> int:
    """Returns the bytes of the longest word; 0, without looking, if the whole text is short enough for one word."""
    return max((len(word.encode()) for word in text.decode().split()), default=0) if len(text) > MAX_WORD_BYTES else 0


def describe_bad_text(text: bytes | None, name: str) -> Fault:
    """Returns what is wrong with a text that `find_bad_texts` has found."""
    if text is None:
        return Fault(reason="missing text", error=f"the column {name!r} is null")
    if len(text) > MAX_TEXT_BYTES:
        error = f"{name} has more than the {MAX_TEXT_BYTES:,} bytes that are read; split it"
        return Fault(reason="text too long", error=error)
    if text.count(0) * MAX_NUL_SHARE > len(text):
        error = f"{text.count(0):,} of the {len(text):,} bytes of {name} are NUL: it is binary, or UTF-16 or UTF-32"
        return Fault(reason="binary content", error=f"{error}; convert it to UTF-8, or leave it out")
    try:
        text.decode()
    except UnicodeDecodeError as e:
        error = f"{name} is not UTF-8: byte 0x{text[e.start]:02x} at position {e.start} ({e.reason})"
        return Fault(reason="invalid UTF-8", error=f"{error}; convert it to UTF-8")
    return Fault(
        reason="word too long",
        error=f"{name} has a word of {_longest_word(text):,} bytes without a space, more than the {MAX_WORD_BYTES:,} "
        "that are tokenised; is it binary data? Put spaces into it, or leave it out",
    )


def make_prepare_documents() -> MapOrFail:
    """Makes a step of `prepare_documents`, which counts documents."""
    return MapOrFail(prepare_documents, counter=metrics.DOCUMENTS)
