"""Loading a SentencePiece vocabulary, its special pieces and the table for pieces such as "5,"."""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib
import pickle
import re

import pytest

from albert_embed.transforms.text.vocabulary import Vocabulary, VocabularyError, load_vocabulary, parse_vocabulary
from tests.transforms.conftest import train_model


def test_loads_a_model_file(tmp_path: pathlib.Path, model_bytes: bytes) -> None:
    path = tmp_path / "spiece.model"
    path.write_bytes(model_bytes)
    vocabulary = load_vocabulary(str(path))
    assert vocabulary == dataclasses.replace(parse_vocabulary(model_bytes, source="x"), source=str(path))
    assert vocabulary.fingerprint == hashlib.sha256(model_bytes).hexdigest()
    assert (vocabulary.pad_id, vocabulary.unk_id) == (0, 1)
    assert [vocabulary.piece(i) for i in (vocabulary.cls_id, vocabulary.sep_id, vocabulary.mask_id)] == [
        "[CLS]",
        "[SEP]",
        "[MASK]",
    ]
    assert vocabulary.size == len(vocabulary.pieces)
    assert vocabulary.words_are_independent


def test_a_piece_outside_the_vocabulary_is_an_error(vocabulary: Vocabulary) -> None:
    message = f"id {vocabulary.size} is not in the vocabulary small.model: its ids are 0 to {vocabulary.size - 1}."
    with pytest.raises(IndexError, match=re.escape(message)):
        vocabulary.piece(vocabulary.size)
    with pytest.raises(IndexError, match="id -1 is not in the vocabulary"):
        vocabulary.piece(-1)


def test_is_frozen_and_pickles(vocabulary: Vocabulary) -> None:
    assert pickle.loads(pickle.dumps(vocabulary)) == vocabulary
    with pytest.raises(dataclasses.FrozenInstanceError):
        vocabulary.pad_id = 5  # type: ignore[misc]


@pytest.mark.parametrize("content", [b"not a model", b"<pad>\t0\n<unk>\t0\n"])
def test_another_file_is_an_error(content: bytes) -> None:
    with pytest.raises(VocabularyError, match=r"^words\.txt is not a SentencePiece model \(\d+ bytes\)\.") as caught:
        parse_vocabulary(content, source="words.txt")
    assert caught.value.__cause__ is not None


def test_an_empty_file_is_an_error() -> None:
    with pytest.raises(VocabularyError, match=r"^empty\.model is empty: it is not a SentencePiece model\."):
        parse_vocabulary(b"", source="empty.model")


def test_a_missing_file_is_an_error() -> None:
    with pytest.raises(OSError, match="nowhere"):
        load_vocabulary("/nowhere/spiece.model")


@pytest.mark.parametrize("missing", ["[CLS]", "[SEP]", "[MASK]"])
def test_a_missing_special_piece_is_an_error(missing: str) -> None:
    control_symbols = [piece for piece in ("[CLS]", "[SEP]", "[MASK]") if piece != missing]
    model = train_model(control_symbols=control_symbols)
    message = f"the SentencePiece model other.model has no piece {missing}: it was not trained for ALBERT."
    with pytest.raises(VocabularyError, match=re.escape(message)):
        parse_vocabulary(model, source="other.model")


@pytest.mark.parametrize(
    ("piece", "replacement"),
    [
        ("▁1945,", ["▁", "1", "9", "45", ","]),
        ("5,", ["▁", "5", ","]),  # within a word the sign for a word's start stays
        ("/45,", ["▁", "/", "45", ","]),
        ("a1945,", ["▁", "a", "1", "9", "45", ","]),
    ],
)
def test_what_a_digit_and_a_comma_become(dates_vocabulary: Vocabulary, piece: str, replacement: list[str]) -> None:
    ids = dates_vocabulary.digit_comma_ids[dates_vocabulary.pieces.index(piece)]
    assert [dates_vocabulary.piece(piece_id) for piece_id in ids] == replacement


def test_pieces_of_other_endings_become_themselves(dates_vocabulary: Vocabulary) -> None:
    changed = {
        piece for piece_id, piece in enumerate(dates_vocabulary.pieces) if piece_id in dates_vocabulary.digit_comma_ids
    }
    assert changed == {piece for piece in dates_vocabulary.pieces if re.search(r"\d,$", piece)}


@pytest.mark.parametrize(
    "options", [{"add_dummy_prefix": False}, {"remove_extra_whitespaces": False}, {"treat_whitespace_as_suffix": True}]
)
def test_words_of_other_models_depend_on_each_other(options: dict[str, bool]) -> None:
    assert not parse_vocabulary(train_model(**options), source="other.model").words_are_independent
