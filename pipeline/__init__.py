"""Batch embedding of text corpora with ALBERT on Apache Beam.

`EmbedText` is the composite PTransform for pipelines of your own; `read_embeddings` and `read_embeddings_dataset` give
a finished output's rows back. They are imported when first asked for, so that `albert-embed --help` needs neither
Beam nor TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.embed_text import EmbedText
    from pipeline.read import read_embeddings, read_embeddings_dataset

_HOMES = {
    "EmbedText": "pipeline.embed_text",
    "read_embeddings": "pipeline.read",
    "read_embeddings_dataset": "pipeline.read",
}

__all__ = ["EmbedText", "read_embeddings", "read_embeddings_dataset"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
