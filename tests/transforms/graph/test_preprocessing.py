"""The preprocessing function against a plain-Python reference: windows, pairs, truncation, special pieces."""

from __future__ import annotations

import dataclasses
import random
import re
from typing import Any

import pytest
import sentencepiece
import tensorflow as tf

from albert_embed.transforms.graph.preprocessing import make_model_inputs, make_tokenizer
from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.text.vocabulary import Vocabulary
from tests.transforms.conftest import make_sentences

AWKWARD_TEXTS = [
    "",
    " \t\n",
    "the▁ and▁▁ x",
    "[MASK] <pad> [CLS]",
    "1945, x5,, 2025,",
    "\0",
    "x\u00b4y",
    "ΣΑΣ 👍",
    "\u0301",
]


def run(vocabulary: Vocabulary, config: PreprocessingConfig, *texts: list[str]) -> dict[str, list[Any]]:
    """Runs the preprocessing function on texts (and their pairs)."""
    inputs = {name: tf.constant(column) for name, column in zip(("text", "pair"), texts, strict=False)}
    outputs = make_model_inputs(inputs, tokenizer=make_tokenizer(vocabulary), vocabulary=vocabulary, config=config)
    assert all(tensor.dtype == tf.int64 for tensor in outputs.values())
    return {
        name: tensor.to_list() if isinstance(tensor, tf.RaggedTensor) else tensor.numpy().tolist()
        for name, tensor in outputs.items()
    }


def encode(vocabulary: Vocabulary, text: str) -> list[int]:
    """Encodes as the ALBERT repository does, except for normalisation, which has its own tests."""
    processor = sentencepiece.SentencePieceProcessor(model_proto=vocabulary.model)
    ids: list[int] = []
    for piece_id in processor.EncodeAsIds(" ".join(text.split()).lower()):
        ids.extend(vocabulary.digit_comma_ids.get(piece_id, (piece_id,)))
    return ids


def truncate_pair(first: list[int], second: list[int], room: int) -> tuple[list[int], list[int]]:
    """Returns the rule of google-research/albert, token by token."""
    first, second = list(first), list(second)
    while len(first) + len(second) > room:
        if len(first) > len(second):
            first.pop()
        else:
            second.pop()
    return first, second


def cut_windows(tokens: list[int], room: int, overlap: int) -> list[tuple[int, list[int]]]:
    """Windows one by one: the next starts `overlap` tokens before the end of the last, until all is covered."""
    windows = [(0, tokens[:room])]
    while windows[-1][0] + room < len(tokens):
        start = windows[-1][0] + room - overlap
        windows.append((start, tokens[start : start + room]))
    return windows


def make_texts(count: int, *, seed: int, longest: int = 40) -> list[str]:
    """Makes texts of all lengths, empty ones too."""
    generator = random.Random(seed)
    words = " ".join(make_sentences(200)).split()
    return [" ".join(generator.choices(words, k=generator.randint(0, longest))) for _ in range(count)]


@pytest.mark.parametrize("long_documents", ["truncate", "reject"])
@pytest.mark.parametrize("max_tokens", [3, 7, 512])
def test_each_text_is_framed_and_cut_at_max_tokens(
    vocabulary: Vocabulary, max_tokens: int, long_documents: Any
) -> None:
    config = PreprocessingConfig(lower_case=True, max_tokens=max_tokens, long_documents=long_documents)
    texts = [*make_texts(100, seed=1), ""]
    tokens = [encode(vocabulary, text) for text in texts]
    kept = [row[: max_tokens - 2] for row in tokens]
    assert run(vocabulary, config, texts) == {
        "input_ids": [[vocabulary.cls_id, *row, vocabulary.sep_id] for row in kept],
        "window_lengths": [[len(row) + 2] for row in kept],
        "window_starts": [[0] for _ in kept],
        "truncated": [int(len(row) > max_tokens - 2) for row in tokens],
        "token_count": [len(row) for row in tokens],
    }


@pytest.mark.parametrize(("max_tokens", "overlap"), [(3, 0), (4, 1), (10, 0), (10, 3), (10, 7), (66, 32), (512, 64)])
def test_a_long_text_becomes_windows_that_overlap(vocabulary: Vocabulary, max_tokens: int, overlap: int) -> None:
    config = PreprocessingConfig(
        lower_case=True, max_tokens=max_tokens, long_documents="window", window_overlap=overlap
    )
    texts = [*make_texts(100, seed=2), "", *make_texts(3, seed=3, longest=900)]
    tokens = [encode(vocabulary, text) for text in texts]
    windows = [cut_windows(row, max_tokens - 2, overlap) for row in tokens]
    assert run(vocabulary, config, texts) == {
        "input_ids": [
            [piece for _, row in document for piece in (vocabulary.cls_id, *row, vocabulary.sep_id)]
            for document in windows
        ],
        "window_lengths": [[len(row) + 2 for _, row in document] for document in windows],
        "window_starts": [[start for start, _ in document] for document in windows],
        "truncated": [0] * len(texts),
        "token_count": [len(row) for row in tokens],
    }


def test_windows_at_the_edges_of_their_room(vocabulary: Vocabulary) -> None:
    config = PreprocessingConfig(lower_case=True, max_tokens=12, long_documents="window", window_overlap=4)
    counts = list(range(40))
    outputs = run(vocabulary, config, [" ".join(["the"] * count) for count in counts])
    assert outputs["token_count"] == counts
    expected = [1 if count <= 10 else -((4 - count) // 6) for count in counts]  # ceil((L - overlap) / (W - overlap))
    assert [len(row) for row in outputs["window_starts"]] == expected


@pytest.mark.parametrize("max_tokens", [4, 5, 8, 9, 31, 512])
def test_pairs_are_framed_and_cut_from_the_longer_text(vocabulary: Vocabulary, max_tokens: int) -> None:
    config = PreprocessingConfig(lower_case=True, max_tokens=max_tokens, pair=True)
    firsts, seconds = [*make_texts(150, seed=4), "", "the"], [*make_texts(150, seed=5), "the", ""]
    tokens = [(encode(vocabulary, a), encode(vocabulary, b)) for a, b in zip(firsts, seconds, strict=True)]
    rooms = [max_tokens - 3 if b else max_tokens - 2 for _, b in tokens]
    kept = [truncate_pair(a, b, room) for (a, b), room in zip(tokens, rooms, strict=True)]
    cls_id, sep_id = vocabulary.cls_id, vocabulary.sep_id
    ends = [[*b, sep_id] if b else [] for _, b in kept]
    assert run(vocabulary, config, firsts, seconds) == {
        "input_ids": [[cls_id, *a, sep_id, *end] for (a, _), end in zip(kept, ends, strict=True)],
        "segment_ids": [[0] * (len(a) + 2) + [1] * len(end) for (a, _), end in zip(kept, ends, strict=True)],
        "window_lengths": [[len(a) + 2 + len(end)] for (a, _), end in zip(kept, ends, strict=True)],
        "window_starts": [[0] for _ in kept],
        "truncated": [int(len(a) + len(b) > room) for (a, b), room in zip(tokens, rooms, strict=True)],
        "token_count": [len(a) + len(b) for a, b in tokens],
    }


def test_a_pair_whose_second_text_has_no_tokens_is_the_first_alone(vocabulary: Vocabulary) -> None:
    outputs = run(
        vocabulary,
        PreprocessingConfig(lower_case=True, max_tokens=6, pair=True),
        ["the of and to", "the of and to in", "", "the of and to"],
        ["", " \t", "", "the"],
    )
    the, of, and_, to = (vocabulary.pieces.index(piece) for piece in ("▁the", "▁of", "▁and", "▁to"))
    assert outputs["input_ids"] == [
        [2, the, of, and_, to, 3],
        [2, the, of, and_, to, 3],
        [2, 3],
        [2, the, of, 3, the, 3],
    ]
    assert outputs["segment_ids"] == [[0] * 6, [0] * 6, [0, 0], [0, 0, 0, 0, 1, 1]]
    assert outputs["truncated"] == [0, 1, 0, 1]
    assert outputs["window_lengths"] == [[6], [6], [2], [6]]


def test_no_documents_become_no_inputs(vocabulary: Vocabulary) -> None:
    inputs = {"text": tf.zeros([0], tf.string)}
    for long_documents in ("truncate", "window"):
        config = PreprocessingConfig(lower_case=True, long_documents=long_documents)
        outputs = make_model_inputs(inputs, tokenizer=make_tokenizer(vocabulary), vocabulary=vocabulary, config=config)
        assert outputs["input_ids"].to_list() == []
        assert outputs["window_starts"].to_list() == []
        assert outputs["token_count"].numpy().tolist() == []


def test_what_looks_like_a_special_piece_is_ordinary_text(vocabulary: Vocabulary) -> None:
    special = {vocabulary.pad_id, vocabulary.cls_id, vocabulary.sep_id, vocabulary.mask_id}
    texts = ["[MASK]", "<pad>", "the [CLS] of [SEP] and [MASK]", "<unk>"]
    for row in run(vocabulary, PreprocessingConfig(lower_case=False), texts)["input_ids"]:
        assert special.isdisjoint(row[1:-1])


def test_a_digit_and_comma_are_two_pieces(vocabulary: Vocabulary) -> None:
    ids = run(vocabulary, PreprocessingConfig(lower_case=True), ["1945, was"])["input_ids"][0]
    pieces = [vocabulary.piece(piece_id) for piece_id in ids]
    assert "," in pieces
    assert not any(re.search(r"\d,$", piece) for piece in pieces)


def test_a_digit_and_comma_within_a_word(dates_vocabulary: Vocabulary) -> None:
    ids = run(dates_vocabulary, PreprocessingConfig(lower_case=True), ["the/45, was x5, 7/45,"])["input_ids"][0]
    pieces = " ".join(dates_vocabulary.piece(piece_id) for piece_id in ids)
    assert pieces == "[CLS] ▁the ▁ / 45 , ▁was ▁x ▁ 5 , ▁ 7 ▁ / 45 , [SEP]"


def test_awkward_words_are_encoded_as_in_the_whole_text(vocabulary: Vocabulary) -> None:
    generator = random.Random(6)
    parts = [*AWKWARD_TEXTS, *"▁ aΣ1,", "the", "5,", "\u3000", "´", "▁ "]
    texts = ["".join(generator.choices(parts, k=generator.randint(0, 9))) for _ in range(2000)]
    config = PreprocessingConfig(lower_case=False)
    one_by_one = run(vocabulary, config, texts)
    whole = run(dataclasses.replace(vocabulary, words_are_independent=False), config, texts)
    assert one_by_one == whole


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_tokens": 2}, "max_tokens is 2: [CLS] and [SEP] leave no room for text. Give at least 3."),
        (
            {"max_tokens": 3, "pair": True},
            "max_tokens is 3: [CLS] and two [SEP] leave no room for text. Give at least 4.",
        ),
        (
            {"long_documents": "window", "pair": True},
            "long_documents is 'window' with pair: a pair of texts can't be cut into windows. "
            "Choose truncate or reject.",
        ),
        (
            {"long_documents": "window", "max_tokens": 66, "window_overlap": 64},
            "window_overlap is 64: with max_tokens 66 a window holds 64 tokens of text. Give an overlap from 0 to 63.",
        ),
        (
            {"long_documents": "window", "window_overlap": -1},
            "window_overlap is -1: with max_tokens 512 a window holds 510 tokens of text. "
            "Give an overlap from 0 to 509.",
        ),
        ({"long_documents": "split"}, "long_documents is 'split': choose one of truncate, window, reject."),
    ],
)
def test_wrong_options_are_errors(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        PreprocessingConfig(lower_case=True, **options)


def test_an_overlap_that_does_not_apply_is_no_error() -> None:
    assert PreprocessingConfig(lower_case=True, max_tokens=32).window_overlap == 64
