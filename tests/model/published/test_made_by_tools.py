"""Models as transformers and sentence-transformers write them (`tests/golden/made_by_tools`)."""

from __future__ import annotations

from albert_embed.model.architecture.weights import weight_shapes
from albert_embed.model.published.published_model import open_published_model
from tests.tiny_model import GOLDEN

MODELS = GOLDEN / "made_by_tools"


def test_a_model_for_masked_words_has_no_pooler() -> None:
    with open_published_model(str(MODELS / "masked_words")) as published:
        found = published.read_weights()
    assert weight_shapes(published.config).keys() - found.weights.keys() == {"pooler/dense/kernel", "pooler/dense/bias"}
    assert found.notes[0].startswith("5 tensors outside the encoder are skipped: predictions.LayerNorm.bias, predi")
    assert found.notes[1] == "there is no pooler among the weights: the export gives no pooled output"


def test_weights_in_several_shards_are_read_as_one() -> None:
    with open_published_model(str(MODELS / "shards")) as published:
        found = published.read_weights()
    assert found.weights.keys() == weight_shapes(published.config).keys()
    assert found.notes[0].startswith("7 tensors outside the encoder are skipped: predictions.LayerNorm.bias, predi")
