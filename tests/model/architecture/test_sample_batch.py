"""What programs are compared on."""

from __future__ import annotations

import numpy as np
import pytest

from albert_embed.model.architecture.sample_batch import make_random_batch, make_sample_batch
from albert_embed.model.export.untrained import train_vocabulary
from albert_embed.transforms.text.vocabulary import parse_vocabulary
from tests.tiny_model import TINY, replace, vocabulary_bytes


@pytest.mark.parametrize("segments", [1, 2])
def test_english_texts_with_both_segments(segments: int) -> None:
    vocabulary = parse_vocabulary(vocabulary_bytes(), source="v.model")
    sample = make_sample_batch(vocabulary, replace(TINY, type_vocab_size=segments), lower_case=True)
    inputs = sample.inputs
    assert sample.description == "8 English texts, 417 tokens"
    assert {(name, value.dtype, value.shape) for name, value in inputs.items()} == {
        (name, np.dtype(np.int32), (8, 128)) for name in ("input_ids", "input_mask", "segment_ids")
    }
    real = inputs["input_mask"] == 1
    assert real.sum() == 417 and real.sum(axis=1).min() == 2 and real.sum(axis=1).max() == 128
    assert set(inputs["segment_ids"][real].tolist()) == set(range(segments))
    assert not inputs["input_ids"][~real].any() and not inputs["segment_ids"][~real].any()
    assert np.mean(inputs["input_ids"][real] == vocabulary.unk_id) < 0.1
    assert (inputs["input_ids"][:, 0] == vocabulary.cls_id).all()


def test_positions_are_kept_to() -> None:
    vocabulary = parse_vocabulary(vocabulary_bytes(), source="v.model")
    sample = make_sample_batch(vocabulary, replace(TINY, max_position_embeddings=16), lower_case=True)
    assert sample.inputs["input_ids"].shape == (8, 16)


def test_random_ids_where_the_vocabulary_has_no_english() -> None:
    texts = ["日本語の文章を読む", "東京の天気は晴れ", "私は本を読みます"] * 50
    vocabulary = parse_vocabulary(train_vocabulary(texts, size=35), source="ja.model")
    config = replace(TINY, vocab_size=35)
    sample = make_sample_batch(vocabulary, config, lower_case=True)
    assert sample.description == "random ids, as the vocabulary knows little English"
    assert all(np.array_equal(sample.inputs[name], value) for name, value in make_random_batch(config).items())


def test_random_ids_have_padding_and_both_segments() -> None:
    inputs = make_random_batch(TINY)
    assert inputs["input_mask"].sum(axis=1).tolist() == [128, 64, 5, 2]
    assert {value.dtype for value in inputs.values()} == {np.dtype(np.int32)}
    assert set(inputs["segment_ids"][inputs["input_mask"] == 1].tolist()) == {0, 1}
    assert inputs["input_ids"].max() < TINY.vocab_size
    assert make_random_batch(replace(TINY, max_position_embeddings=3))["input_ids"].shape == (4, 3)
