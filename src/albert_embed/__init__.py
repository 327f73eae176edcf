"""Batch embedding of text corpora with ALBERT on Apache Beam.

All that a program of your own needs is exported here. A name is imported when it is first asked for, so that
`albert-embed --help` needs neither Beam nor TensorFlow.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from albert_embed.model.hosting.handler import AlbertModelHandler
    from albert_embed.pipeline.dataset.read_embeddings import (
        read_document_embeddings,
        read_embeddings,
        read_embeddings_dataset,
        read_failures,
    )
    from albert_embed.pipeline.embed.embed_text import EmbedText
    from albert_embed.pipeline.integrations.albert_embeddings import AlbertEmbeddings
    from albert_embed.pipeline.integrations.embed_rows import EmbedRows
    from albert_embed.pipeline.search.search_dataset import DatasetSearch
    from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
    from albert_embed.transforms.graph.transform_graph import save_transform_graph
    from albert_embed.transforms.rows.token_batches import TokenBatchConfig

_HOMES = {
    "AlbertEmbeddings": "albert_embed.pipeline.integrations.albert_embeddings",
    "AlbertModelHandler": "albert_embed.model.hosting.handler",
    "DatasetSearch": "albert_embed.pipeline.search.search_dataset",
    "EmbedRows": "albert_embed.pipeline.integrations.embed_rows",
    "EmbedText": "albert_embed.pipeline.embed.embed_text",
    "PreprocessingConfig": "albert_embed.transforms.graph.preprocessing_config",
    "TokenBatchConfig": "albert_embed.transforms.rows.token_batches",
    "read_document_embeddings": "albert_embed.pipeline.dataset.read_embeddings",
    "read_embeddings": "albert_embed.pipeline.dataset.read_embeddings",
    "read_embeddings_dataset": "albert_embed.pipeline.dataset.read_embeddings",
    "read_failures": "albert_embed.pipeline.dataset.read_embeddings",
    "save_transform_graph": "albert_embed.transforms.graph.transform_graph",
}

# Google's client asks for the metadata of a bucket, for traces alone, once for each client; and Beam makes a client for
# each file that it opens.
os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")

if os.environ.get("ALBERT_EMBED_QUIET_START"):  # a worker process that the command line has started here
    from albert_embed.transforms.process.start_up import install_finder

    install_finder()

__version__ = importlib.metadata.version("albert-embed")
__all__ = [
    "AlbertEmbeddings",
    "AlbertModelHandler",
    "DatasetSearch",
    "EmbedRows",
    "EmbedText",
    "PreprocessingConfig",
    "TokenBatchConfig",
    "__version__",
    "read_document_embeddings",
    "read_embeddings",
    "read_embeddings_dataset",
    "read_failures",
    "save_transform_graph",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
