"""The untrained model: the same bytes from the same seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sentencepiece

from albert_embed.model.architecture.weights import weight_shapes
from albert_embed.model.directory.model_directory import open_model_directory
from albert_embed.model.export.untrained import make_untrained_weights, train_vocabulary, write_untrained_model
from tests.tiny_model import CORPUS, TINY, plain_texts


def test_the_same_seed_gives_the_same_weights() -> None:
    first, second, other = (make_untrained_weights(TINY, seed=seed) for seed in (3, 3, 4))
    assert {name: value.shape for name, value in first.items()} == weight_shapes(TINY)
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)
    assert first["embeddings/word_embeddings"].tobytes() != other["embeddings/word_embeddings"].tobytes()
    assert {value.dtype for value in first.values()} == {np.dtype(np.float32)}


def test_weights_are_what_training_starts_from() -> None:
    weights = make_untrained_weights(TINY, seed=0)
    assert (weights["embeddings/LayerNorm/gamma"] == 1).all() and (weights["embeddings/LayerNorm/beta"] == 0).all()
    assert (weights["pooler/dense/bias"] == 0).all()
    assert weights["embeddings/word_embeddings"].std() == pytest.approx(0.02, rel=0.05)


def test_the_same_texts_give_the_same_vocabulary() -> None:
    first, second = train_vocabulary(plain_texts(), size=350), train_vocabulary(plain_texts(), size=350)
    assert first == second != train_vocabulary(plain_texts()[:-50], size=350)
    processor = sentencepiece.SentencePieceProcessor(model_proto=first)
    assert processor.GetPieceSize() == 350
    assert processor.IdToPiece(list(range(5))) == ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]
    assert [processor.IsControl(number) for number in (2, 3, 4)] == [True, True, True]


def test_too_little_text_is_an_error() -> None:
    with pytest.raises(RuntimeError, match=r"(?i)vocabulary size"):
        train_vocabulary(["one two"], size=500)


@pytest.mark.integration
def test_the_demo_model_is_the_same_twice(tmp_path: Path) -> None:
    configs = [write_untrained_model(CORPUS, tmp_path / name, seed=5) for name in ("first", "second")]
    first, second = (open_model_directory(tmp_path / name) for name in ("first", "second"))
    assert first.config == second.config == configs[0]
    assert first.vocabulary_file.read_bytes() == second.vocabulary_file.read_bytes()
    for name in ("variables/variables.data-00000-of-00001", "assets/albert_config.json"):
        assert (first.path / name).read_bytes() == (second.path / name).read_bytes(), name
    assert first.lower_case is True
