"""Batch embedding of text corpora with ALBERT on Apache Beam.

`EmbedText` is the composite PTransform for pipelines of your own; `read_embeddings` and `read_embeddings_dataset` give
a finished output's rows back, `read_document_embeddings` its documents' vectors. They are imported when first asked
for, so that `albert-embed --help` needs neither Beam nor TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.document_embeddings import read_document_embeddings
    from pipeline.embed_text import EmbedText
    from pipeline.read import read_embeddings, read_embeddings_dataset

_HOMES = {
    "EmbedText": "pipeline.embed_text",
    "read_document_embeddings": "pipeline.document_embeddings",
    "read_embeddings": "pipeline.read",
    "read_embeddings_dataset": "pipeline.read",
}

__all__ = ["EmbedText", "read_document_embeddings", "read_embeddings", "read_embeddings_dataset"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
