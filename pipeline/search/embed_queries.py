"""`QueryEmbedder`: turns texts into vectors with the model and the preprocessing of a dataset."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from albert_embed.model.architecture.vector_shape import VectorShape
from albert_embed.model.hosting.auto_engine import is_installed
from albert_embed.model.hosting.choose_engine import choose_engine, load_engine
from albert_embed.model.hosting.embed_batch import embed_batch
from albert_embed.model.hosting.embeddings import EMBEDDING_COLUMNS
from albert_embed.model.hosting.engine_task import EngineTask
from albert_embed.pipeline.dataset.provenance import ModelProvenance
from albert_embed.pipeline.documents.prepare_documents import prepare_documents
from albert_embed.pipeline.embed.open_model import OpenedModel, open_model
from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.graph.saved_transform import SavedTransform
from albert_embed.transforms.graph.transform_graph import save_transform_graph
from albert_embed.transforms.rows.columns import TEXT
from albert_embed.transforms.rows.windows import explode_windows
from albert_embed.transforms.steps.failure import Failure

# Rows per batch; queries are short.
_QUERIES_AT_ONCE = 32


class AnotherModelError(ValueError):
    """The model that a dataset names is not the one that it was made with."""


class QueryEmbedder:
    """Embeds queries as a dataset's rows were embedded. It loads the model once.

    A query that is longer than a row is truncated, whatever happened to long documents.

    Args:
      model: the model that the dataset was made with.
      transform_options: its options of preprocessing.
      embedding: one of `model.hosting.embeddings.EMBEDDING_COLUMNS`.
      shape: of the dataset's vectors.

    Raises:
      AnotherModelError: if the model is not the one that the dataset was made with.
      ValueError, OSError: if the model can't be found or used, or the dataset is one of pairs.
    """

    def __init__(
        self,
        *,
        model: ModelProvenance,
        transform_options: Mapping[str, Any],
        embedding: str,
        shape: VectorShape | None = None,
    ) -> None:
        if transform_options["pair"]:
            raise ValueError(
                "the dataset holds pairs of texts, and a query is one text; search a dataset of single texts"
            )
        found = _open_recorded(model.name)
        if found.directory.fingerprint != model.fingerprint:
            raise AnotherModelError(
                f"the model {model.name} is not the one that the dataset was made with: its fingerprint is "
                f"{found.directory.fingerprint[:16]}…, the manifest says {model.fingerprint[:16]}…; "
                "put the old model back, or embed the corpus again"
            )
        config = PreprocessingConfig(
            **{**transform_options, "long_documents": "truncate", "window_overlap": PreprocessingConfig.window_overlap}
        )
        with tempfile.TemporaryDirectory() as graph:
            save_transform_graph(found.vocabulary, config, graph)
            self._transform = SavedTransform(graph)
        directory = found.directory.path
        name = choose_engine(_runnable(model.engine), EngineTask.of(directory, [embedding]))
        self._engine = load_engine(name, directory)
        self._embedding = embedding
        self._shape = shape or VectorShape()

    def embed(self, queries: Sequence[str]) -> npt.NDArray[np.float32]:
        """Returns the vectors of some texts, `[queries, hidden]` float32.

        Raises:
          ValueError: if the model can't embed one of them.
        """
        parts = []
        for start in range(0, len(queries), _QUERIES_AT_ONCE):
            texts = pa.array([query.encode() for query in queries[start : start + _QUERIES_AT_ONCE]], pa.binary())
            prepared, failures = prepare_documents(pa.RecordBatch.from_arrays([texts], names=[TEXT]))
            rows = explode_windows(self._transform.apply(prepared)) if not failures else prepared
            for embedded in failures or embed_batch(rows, self._engine, [self._embedding]):
                if isinstance(embedded, Failure):
                    raise ValueError(f"a query can't be embedded: {embedded.error}")
                values = embedded.column(EMBEDDING_COLUMNS[self._embedding]).flatten()
                parts.append(self._shape.apply(np.asarray(values, np.float32).reshape(embedded.num_rows, -1)))
        return np.concatenate(parts)


def _open_recorded(name: str) -> OpenedModel:
    try:
        return open_model(name)
    except (ValueError, OSError) as e:
        raise ValueError(
            f"the dataset was made with the model {name}, which can't be used now; put it back where it was, or embed "
            f"the corpus again with another. The reason: {e}"
        ) from e


def _runnable(engine: str | None) -> str:
    """Returns the engine that made the dataset, if it is OpenVINO and installed, else TensorFlow: they agree to 1e-6.

    In int8 they do not, and a model in int8 is refused where TensorFlow would compute it. Engine jax fills a shape of
    2,048 tokens at least, which it compiles first: on a CPU a query would take seconds.
    """
    return "openvino" if engine == "openvino" and is_installed(engine) else "tensorflow"
