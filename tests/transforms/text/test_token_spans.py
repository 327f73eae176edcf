"""Every token's bytes, by properties that need no second alignment, and by hand."""

from __future__ import annotations

import gzip
import json
import pathlib

import numpy as np
import pytest
import sentencepiece
import tensorflow as tf

from albert_embed.transforms.graph.preprocessing import make_tokenizer
from albert_embed.transforms.text.token_spans import LocatedTokens, TokenLocator
from albert_embed.transforms.text.tokenization import encode_text
from albert_embed.transforms.text.unicode_rules import normalize_in_python
from albert_embed.transforms.text.vocabulary import WORD_START, Vocabulary, load_vocabulary


@pytest.fixture(scope="module")
def golden_vocabulary(shared_folder: pathlib.Path) -> Vocabulary:
    return load_vocabulary(str(shared_folder / "spm" / "en30k.model"))


def read_lines(shared_folder: pathlib.Path, name: str) -> list[str]:
    with gzip.open(shared_folder / "golden" / f"tokenization_{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line)["text"] for line in file]


def normalize(text: str, *, lower_case: bool) -> str:
    return normalize_in_python(" ".join(text.split()), lower_case=lower_case)


def find_mistakes(
    text: str,
    tokens: LocatedTokens,
    vocabulary: Vocabulary,
    processor: sentencepiece.SentencePieceProcessor,
    *,
    lower: bool,
) -> list[str]:
    """Returns what is wrong with the spans of a text, judged from the text and the pieces alone."""
    encoded = text.encode()
    starts, ends = tokens.starts.tolist(), tokens.ends.tolist()
    mistakes = []
    if any(not 0 <= start <= end <= len(encoded) for start, end in zip(starts, ends, strict=True)):
        mistakes.append("outside the text")
    if starts != sorted(starts) or ends != sorted(ends):
        mistakes.append("decreasing")
    covered = np.zeros(len(encoded), bool)
    for piece_id, start, end in zip(tokens.ids.tolist(), starts, ends, strict=True):
        covered[start:end] = True
        surface = encoded[start:end].decode()  # fails within a character
        if surface != surface.strip():
            mistakes.append(f"whitespace around {surface!a}")
        content = vocabulary.piece(piece_id).replace(WORD_START, "")
        if not surface and content:
            mistakes.append(f"nothing for {content!a}")
        if piece_id != vocabulary.unk_id:
            # What SentencePiece itself normalises (a zero-width space, say) is no part of a piece.
            spelled = processor.Normalize(normalize(surface, lower_case=lower)).replace(WORD_START, "")
            if text.isascii() and surface.isprintable() and (surface.lower() if lower else surface) != content:
                mistakes.append(f"{surface!a} for {content!a}")
            if content not in spelled:
                mistakes.append(f"{surface!a}, which is {spelled!a}, for {content!a}")
    position = 0
    for character in text:
        size = len(character.encode())
        left = processor.Normalize(normalize(character, lower_case=lower)).replace(WORD_START, "")
        if left and not covered[position : position + size].all():
            mistakes.append(f"{character!a} at {position} in no token")
        position += size
    return mistakes


@pytest.mark.parametrize("casing", ["uncased", "cased"])
@pytest.mark.parametrize("name", ["fuzz", "natural"])
def test_the_spans_of_the_golden_lines(
    shared_folder: pathlib.Path, golden_vocabulary: Vocabulary, name: str, casing: str
) -> None:
    lines = read_lines(shared_folder, name)
    lower_case = casing == "uncased"
    located = TokenLocator(golden_vocabulary, lower_case=lower_case).locate([line.encode() for line in lines])
    ids = encode_text(
        tf.constant(lines),
        tokenizer=make_tokenizer(golden_vocabulary),
        vocabulary=golden_vocabulary,
        lower_case=lower_case,
    ).to_list()
    assert [tokens.ids.tolist() for tokens in located] == ids
    processor = sentencepiece.SentencePieceProcessor(model_proto=golden_vocabulary.model)
    mistakes = {
        ascii(line): found
        for line, tokens in zip(lines, located, strict=True)
        if (found := find_mistakes(line, tokens, golden_vocabulary, processor, lower=lower_case))
    }
    assert mistakes == {}


def test_the_word_start_within_a_word_has_an_empty_span(dates_vocabulary: Vocabulary) -> None:
    text = "thé the/45, x5,"
    (tokens,) = TokenLocator(dates_vocabulary, lower_case=True).locate([text.encode()])
    spans = zip(tokens.ids.tolist(), tokens.starts.tolist(), tokens.ends.tolist(), strict=True)
    assert [
        (dates_vocabulary.piece(piece_id), text.encode()[start:end].decode(), start) for piece_id, start, end in spans
    ] == [
        ("▁the", "thé", 0),
        ("▁the", "the", 5),
        ("▁", "", 8),
        ("/", "/", 8),
        ("45", "45", 9),
        (",", ",", 11),
        ("▁x", "x", 13),
        ("▁", "", 14),
        ("5", "5", 14),
        (",", ",", 15),
    ]


def test_the_word_start_has_an_empty_span_where_the_piece_is_not_what_stands_there(
    dates_vocabulary: Vocabulary,
) -> None:
    text = "x/4\x015,"  # SentencePiece drops the control character
    (tokens,) = TokenLocator(dates_vocabulary, lower_case=True).locate([text.encode()])
    spans = zip(tokens.ids.tolist(), tokens.starts.tolist(), tokens.ends.tolist(), strict=True)
    assert [(dates_vocabulary.piece(piece_id), start, end) for piece_id, start, end in spans] == [
        ("▁x", 0, 1),
        ("▁", 1, 1),
        ("/", 1, 6),
        ("45", 1, 6),
        (",", 1, 6),
    ]
