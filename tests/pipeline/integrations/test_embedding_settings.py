"""With what texts are embedded: rows are batched as the other ways of this package batch them."""

from __future__ import annotations

from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed import EmbedText
from albert_embed.model.hosting.choose_engine import EngineName
from albert_embed.pipeline.integrations.embedding_settings import EmbeddingSettings
from albert_embed.pipeline.launch.batch_tokens import JAX_BATCH_TOKENS


@pytest.mark.parametrize(("engine", "tokens", "real"), [("tensorflow", 1024, False), ("jax", JAX_BATCH_TOKENS, True)])
def test_rows_are_batched_for_the_engine(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, engine: EngineName, tokens: int, real: bool
) -> None:
    monkeypatch.setattr("albert_embed.pipeline.launch.batch_tokens.count_jax_gpus", lambda: True)
    prepared = EmbeddingSettings(model=str(tiny_model), engine=engine).prepare()
    batching = prepared.make_embed_text(prepared.make_handler(), PipelineOptions([]))._embed._batching
    assert (batching.batch_tokens, batching.real_tokens) == (tokens, real)
    step = EmbedText.for_model(str(tiny_model), embeddings=["mean"], engine=engine)
    assert step._embed._batching == batching
