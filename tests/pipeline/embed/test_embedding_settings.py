"""With what texts are embedded: rows are batched as the other ways of this package batch them."""

from __future__ import annotations

from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed import EmbedText
from albert_embed.model.hosting.choose_engine import EngineName
from albert_embed.pipeline.embed.embedding_settings import EmbeddingSettings
from albert_embed.pipeline.embed.open_model import open_model
from albert_embed.pipeline.launch.batch_tokens import JAX_BATCH_TOKENS


@pytest.mark.parametrize(("engine", "tokens", "real"), [("tensorflow", 1024, False), ("jax", JAX_BATCH_TOKENS, True)])
def test_rows_are_batched_for_the_engine(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, engine: EngineName, tokens: int, real: bool
) -> None:
    monkeypatch.setattr("albert_embed.pipeline.launch.batch_tokens.count_jax_gpus", lambda: True)
    settings = EmbeddingSettings(model=str(tiny_model), embeddings=("mean",), engine=engine)
    batching = settings.prepare(open_model(str(tiny_model))).choose_batching(PipelineOptions([]))
    assert (batching.batch_tokens, batching.real_tokens) == (tokens, real)
    step = EmbedText.for_model(str(tiny_model), embeddings=["mean"], engine=engine)
    assert step._embed._batching == batching


def test_a_folder_named_default_is_not_taken_for_the_model_of_that_name(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "default").mkdir()
    (tmp_path / "model").symlink_to(tiny_model)
    monkeypatch.chdir(tmp_path)
    opened = open_model("model")
    named = {
        name: EmbeddingSettings(model=name, embeddings=("mean",)).prepare(opened).settings.model
        for name in ("default", "model")
    }
    assert named == {"default": "default", "model": str(tmp_path / "model")}
