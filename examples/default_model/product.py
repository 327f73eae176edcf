"""Embeds texts with an export as `albert-embed` does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from albert_embed.pipeline.embed.open_model import open_model
from albert_embed.pipeline.search.embed_queries import QueryEmbedder


class Product:
    """A model, as `--model` names it, and one of its embeddings: `mean` or `pooled`."""

    def __init__(self, model: str, embedding: str) -> None:
        opened = open_model(model)
        self._embedder = QueryEmbedder(
            model=opened.describe(engine="tensorflow"),
            transform_options=vars(opened.fit_preprocessing()),
            embedding=embedding,
        )

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Returns float32 `[texts, hidden]`, normalised."""
        vectors = self._embedder.embed(texts)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
