"""The same ids as the ALBERT repository's own preprocessing, line by line."""

from __future__ import annotations

import gzip
import json
import pathlib
from typing import Any

import pytest
import sentencepiece
import tensorflow as tf

from albert_embed.transforms.graph.preprocessing import make_tokenizer
from albert_embed.transforms.text.tokenization import encode_text
from albert_embed.transforms.text.vocabulary import Vocabulary, load_vocabulary

SCORE_TOLERANCE = 1e-4


# The golden files, and the vocabulary that the ids of each are of.
VOCABULARIES = {"fuzz": "en30k", "natural": "en30k", "albert_vocabulary": "albert_english_30k"}


@pytest.fixture(scope="module")
def golden_vocabularies(shared_folder: pathlib.Path) -> dict[str, Vocabulary]:
    """Golden file to the vocabulary that its ids are of."""
    models = {
        name: load_vocabulary(str(shared_folder / "spm" / f"{name}.model")) for name in set(VOCABULARIES.values())
    }
    return {name: models[model] for name, model in VOCABULARIES.items()}


def split_into_words(vocabulary: Vocabulary, ids: list[int]) -> list[list[int]]:
    """Groups ids by word: a piece that starts with SentencePiece's sign for a space starts one."""
    words: list[list[int]] = []
    for piece_id in ids:
        if not words or vocabulary.piece(piece_id).startswith("▁"):
            words.append([])
        words[-1].append(piece_id)
    return words


def is_tie(vocabulary: Vocabulary, processor: Any, expected: list[int], found: list[int]) -> bool:
    """Returns whether two segmentations differ only by exact ties.

    SentencePiece's unigram model gives a segmentation the sum of its pieces' scores and takes the highest. Two
    segmentations tie where, word by word, they spell the same text and their sums are equal.
    """
    first, second = split_into_words(vocabulary, expected), split_into_words(vocabulary, found)
    return len(first) == len(second) and all(
        "".join(map(vocabulary.piece, one)) == "".join(map(vocabulary.piece, other))
        and abs(sum(map(processor.GetScore, one)) - sum(map(processor.GetScore, other))) <= SCORE_TOLERANCE
        for one, other in zip(first, second, strict=True)
    )


@pytest.mark.parametrize("casing", ["uncased", "cased"])
@pytest.mark.parametrize("name", VOCABULARIES)
def test_every_line_has_the_ids_of_the_albert_repository(
    shared_folder: pathlib.Path, golden_vocabularies: dict[str, Vocabulary], name: str, casing: str
) -> None:
    golden_vocabulary = golden_vocabularies[name]
    with gzip.open(shared_folder / "golden" / f"tokenization_{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    tokenizer = make_tokenizer(golden_vocabulary)
    texts = tf.constant([line["text"] for line in lines])
    found = encode_text(
        texts, tokenizer=tokenizer, vocabulary=golden_vocabulary, lower_case=casing == "uncased"
    ).to_list()
    processor = sentencepiece.SentencePieceProcessor(model_proto=golden_vocabulary.model)
    different = [(line, ids) for line, ids in zip(lines, found, strict=True) if ids != line[casing]]
    wrong = [
        (ascii(line["text"]), line[casing], ids)
        for line, ids in different
        if not is_tie(golden_vocabulary, processor, line[casing], ids)
    ]
    print(f"{name} {casing}: {len(lines)} lines, {len(different) - len(wrong)} exact ties, {len(wrong)} wrong")
    assert wrong == []
    assert len(different) <= len(lines) // 20  # ties are rare: many of them would hide an error
