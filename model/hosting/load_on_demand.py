"""`LoadOnDemand`: a model handler that loads the model when the first batch comes: a run without any needs none.

RunInference loads the model when a worker starts, whether there is anything for it or not.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from apache_beam.ml.inference.base import ModelHandler

from albert_embed.model.engines.engine import Engine
from albert_embed.model.hosting.handler import AlbertModelHandler
from albert_embed.transforms.steps import metrics
from albert_embed.transforms.steps.failure import Failure


class EngineOnDemand:
    """An engine that is loaded when it is asked for, once, by whichever thread comes first.

    Args:
      load: loads it.
    """

    def __init__(self, load: Callable[[], Engine]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._engine: Engine | None = None

    def get(self) -> Engine:
        """Returns the engine; raises what loading it raises."""
        with self._lock:
            if self._engine is None:
                started = time.perf_counter()
                self._engine = self._load()
                metrics.increment(metrics.MODEL_LOAD_MSECS, round(1000 * (time.perf_counter() - started)))
            return self._engine


class LoadOnDemand(ModelHandler[pa.RecordBatch, "pa.RecordBatch | Failure", EngineOnDemand]):
    """Does what another handler does, but loads the model when the first batch comes.

    Args:
      handler: the other.
    """

    def __init__(self, handler: AlbertModelHandler) -> None:
        super().__init__()
        self._handler = handler

    def load_model(self) -> EngineOnDemand:
        return EngineOnDemand(self._handler.load_model)

    def run_inference(
        self,
        batch: pa.RecordBatch | Sequence[pa.RecordBatch],
        model: EngineOnDemand,
        inference_args: dict[str, Any] | None = None,
    ) -> Iterable[pa.RecordBatch | Failure]:
        return self._handler.run_inference(batch, model.get(), inference_args)

    def get_num_bytes(self, batch: pa.RecordBatch | Sequence[pa.RecordBatch]) -> int:
        return self._handler.get_num_bytes(batch)

    def get_metrics_namespace(self) -> str:
        return self._handler.get_metrics_namespace()

    def should_skip_batching(self) -> bool:
        return self._handler.should_skip_batching()

    def batch_elements_kwargs(self) -> Mapping[str, Any]:
        return self._handler.batch_elements_kwargs()
