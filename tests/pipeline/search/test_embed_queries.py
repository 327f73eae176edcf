"""Which engine embeds queries: the one that made the dataset, unless that is for large batches alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from albert_embed.pipeline.embed.open_model import open_model
from albert_embed.pipeline.search.embed_queries import QueryEmbedder


@pytest.mark.parametrize(
    ("recorded", "engine"),
    [("tensorflow", "tensorflow"), ("openvino", "openvino"), ("jax", "tensorflow"), (None, "tensorflow")],
)
def test_the_engine_that_made_the_dataset_embeds_queries(recorded: str | None, engine: str, tiny_model: Path) -> None:
    pytest.importorskip(engine)
    opened = open_model(str(tiny_model))
    embedder = QueryEmbedder(
        model=opened.describe(engine=recorded),
        transform_options=vars(opened.fit_preprocessing()),
        embedding="mean",
    )
    assert embedder._engine.name == engine
    assert embedder.embed(["the harbour", "yes"]).shape == (2, 16)
