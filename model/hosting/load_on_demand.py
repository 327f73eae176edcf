"""`LoadOnDemand`: a model handler that loads the model when the first batch comes: a run without any needs none.

RunInference loads the model when a worker starts, whether there is anything for it or not.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

import pyarrow as pa
from apache_beam.ml.inference.base import ModelHandler

from albert_embed.transforms.steps import metrics

ResultT = TypeVar("ResultT")
ModelT = TypeVar("ModelT")


class ModelOnDemand(Generic[ModelT]):
    """A model that is loaded when it is asked for, once, by whichever thread comes first.

    Args:
      load: loads it.
    """

    def __init__(self, load: Callable[[], ModelT]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._model: ModelT | None = None

    def get(self) -> ModelT:
        """Returns the model; raises what loading it raises."""
        with self._lock:
            if self._model is None:
                started = time.perf_counter()
                self._model = self._load()
                metrics.increment(metrics.MODEL_LOAD_MSECS, round(1000 * (time.perf_counter() - started)))
            return self._model


class LoadOnDemand(ModelHandler[pa.RecordBatch, ResultT, ModelOnDemand[ModelT]], Generic[ResultT, ModelT]):
    """Does what another handler does, but loads the model when the first batch comes.

    Args:
      handler: the other.
    """

    def __init__(self, handler: ModelHandler[pa.RecordBatch, ResultT, ModelT]) -> None:
        super().__init__()
        self._handler = handler

    def load_model(self) -> ModelOnDemand[ModelT]:
        return ModelOnDemand(self._handler.load_model)

    def run_inference(
        self, batch: pa.RecordBatch, model: ModelOnDemand[ModelT], inference_args: dict[str, Any] | None = None
    ) -> Iterable[ResultT]:
        results: Iterable[ResultT] = self._handler.run_inference(batch, model.get(), inference_args)
        return results

    def get_num_bytes(self, batch: pa.RecordBatch) -> int:
        return int(self._handler.get_num_bytes(batch))

    def get_metrics_namespace(self) -> str:
        return str(self._handler.get_metrics_namespace())

    def should_skip_batching(self) -> bool:
        return bool(self._handler.should_skip_batching())
