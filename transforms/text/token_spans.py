"""Finds which bytes of a text each of its tokens came from."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_text as tf_text

from albert_embed.transforms.text.source_characters import NormalizedText, normalize_with_sources
from albert_embed.transforms.text.vocabulary import WORD_START, Vocabulary

_WORD = re.compile(r"\S+")


class LocatedTokens(NamedTuple):
    """The tokens of one text, without [CLS] and [SEP].

    Attributes:
      ids: int64 [n], as `encode_text` gives them.
      starts, ends: int64 [n], bytes `[start, end)` of the text. Starts and ends never decrease. A token that only marks
        the start of a word has an empty span at that place.
    """

    ids: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]


class _Span(NamedTuple):
    """A token and the characters of the normalised text that it came from."""

    piece_id: int
    start: int
    end: int


@dataclasses.dataclass(frozen=True)
class _Units:
    """The tokens of the units that are tokenised at once (usually words), one unit after the other."""

    tokens: LocatedTokens  # spans relative to the unit's own first byte
    splits: npt.NDArray[np.int64]


class TokenLocator:
    """Tokenises as the transform graph does, with tensorflow-text's own offsets, and finds where tokens came from."""

    def __init__(self, vocabulary: Vocabulary, *, lower_case: bool) -> None:
        """Loads the vocabulary's model; `lower_case` says whether the ALBERT model is uncased."""
        self.vocabulary = vocabulary
        self._lower_case = lower_case
        self._tokenizer = tf_text.SentencepieceTokenizer(vocabulary.model, out_type=tf.int32)

    def locate(self, texts: Sequence[bytes]) -> list[LocatedTokens]:
        """Locates the tokens of each text; every distinct word is tokenised once.

        Raises:
          UnicodeDecodeError: if a text is not UTF-8.
        """
        unit_numbers: dict[str, int] = {}
        found: list[tuple[list[int], npt.NDArray[np.int64]]] = []
        for encoded in texts:
            text = encoded.decode()
            numbers: list[int] = []
            starts: list[int] = []
            for start, end in self._split(text):
                numbers.append(unit_numbers.setdefault(text[start:end], len(unit_numbers)))
                starts.append(start)
            offsets = np.array(starts, np.int64)
            found.append((numbers, offsets if text.isascii() else measure_bytes(text)[offsets]))
        units = self._locate_units(list(unit_numbers))
        return [_join_units(units, np.array(numbers, np.int64), starts) for numbers, starts in found]

    def _split(self, text: str) -> list[tuple[int, int]]:
        """Finds the units that are tokenised at once, as `encode_text` does: the words, or else the whole text."""
        if self.vocabulary.words_are_independent and WORD_START not in text:
            return [match.span() for match in _WORD.finditer(text)]
        return [(0, len(text))]

    def _locate_units(self, units: list[str]) -> _Units:
        """Tokenises each unit, and finds the bytes of its tokens."""
        ids: list[int] = []
        starts: list[int] = []
        ends: list[int] = []
        splits = [0]
        normalized = [normalize_with_sources(unit, lower_case=self._lower_case) for unit in units]
        tokens, begins, limits = self._tokenizer.tokenize_with_offsets(
            tf.constant([unit.text for unit in normalized], tf.string)
        )
        piece_ids, begins, limits = (part.flat_values.numpy().tolist() for part in (tokens, begins, limits))
        token_splits = tokens.row_splits.numpy().tolist()
        for number, (unit, source) in enumerate(zip(units, normalized, strict=True)):
            row = slice(token_splits[number], token_splits[number + 1])
            to_character = _index_characters(source.text)
            to_byte = None if unit.isascii() else measure_bytes(unit).tolist()
            for piece_id, begin, limit in zip(piece_ids[row], begins[row], limits[row], strict=True):
                if to_character is not None:
                    begin, limit = to_character[begin], to_character[limit]
                for span in split_digit_comma(_Span(piece_id, begin, limit), source.text, self.vocabulary):
                    start, end = find_source(span, unit, source, self.vocabulary)
                    ids.append(span.piece_id)
                    starts.append(start if to_byte is None else to_byte[start])
                    ends.append(end if to_byte is None else to_byte[end])
            splits.append(len(ids))
        located = LocatedTokens(np.array(ids, np.int64), np.array(starts, np.int64), np.array(ends, np.int64))
        return _Units(located, np.array(splits, np.int64))


def split_digit_comma(span: _Span, normalized: str, vocabulary: Vocabulary) -> list[_Span]:
    """Shares the characters of a piece such as "1945," among the pieces that replace it.

    Within a word the first of them is often the sign for a word's start, which covers no character. Where the
    characters are not those of the piece, as when SentencePiece dropped some, all other pieces get all of them.
    """
    replacement = vocabulary.digit_comma_ids.get(span.piece_id)
    if replacement is None:
        return [span]
    content = vocabulary.pieces[span.piece_id].removeprefix(WORD_START)
    position = span.end - len(content)
    lengths = [len(vocabulary.pieces[piece_id].removeprefix(WORD_START)) for piece_id in replacement]
    if replacement.count(vocabulary.unk_id) == 1:  # it covers what the others leave
        unknown = replacement.index(vocabulary.unk_id)
        lengths[unknown] += len(content) - sum(lengths)
    if position < span.start or normalized[position : span.end] != content or sum(lengths) != len(content):
        return [
            _Span(piece_id, span.start, span.start if vocabulary.pieces[piece_id] == WORD_START else span.end)
            for piece_id in replacement
        ]
    spans = []
    start = span.start
    for piece_id, length in zip(replacement, lengths, strict=True):
        position += length
        spans.append(_Span(piece_id, start, position))
        start = position
    return spans


def find_source(span: _Span, text: str, normalized: NormalizedText, vocabulary: Vocabulary) -> tuple[int, int]:
    """Finds the characters `[start, end)` of the original text that a token came from, without whitespace around."""
    first, last = span.start, span.end
    if first == last and vocabulary.pieces[span.piece_id] != WORD_START:
        last += 1  # SentencePiece made several characters of one, and gives it only to the last of their pieces
    if first >= len(normalized.starts):
        end = normalized.ends[-1] if normalized.ends else 0
        return end, end
    start = normalized.starts[first]
    end = start if first == last else normalized.ends[last - 1]
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def measure_bytes(text: str) -> npt.NDArray[np.int64]:
    """Returns the byte at which each character starts in UTF-8, and the length: int64 [characters + 1]."""
    code_points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    lengths = 1 + (code_points >= 0x80).astype(np.int64) + (code_points >= 0x800) + (code_points >= 0x10000)
    return np.concatenate([[0], np.cumsum(lengths)])


def _index_characters(text: str) -> dict[int, int] | None:
    """Makes the table from bytes to characters; None where they are the same."""
    if text.isascii():
        return None
    return {byte: character for character, byte in enumerate(measure_bytes(text).tolist())}


def _join_units(units: _Units, numbers: npt.NDArray[np.int64], starts: npt.NDArray[np.int64]) -> LocatedTokens:
    """Concatenates the tokens of a text's units, which start at `starts`."""
    first = units.splits[numbers]
    lengths = units.splits[numbers + 1] - first
    ends = np.cumsum(lengths)
    positions = np.arange(lengths.sum()) + np.repeat(first - (ends - lengths), lengths)
    offsets = np.repeat(starts, lengths)
    ids, token_starts, token_ends = (values[positions] for values in units.tokens)
    return LocatedTokens(ids, token_starts + offsets, token_ends + offsets)
