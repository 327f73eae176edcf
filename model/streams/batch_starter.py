"""`BatchStarter`: a model handler that begins batches and does not wait for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from apache_beam.ml.inference.base import ModelHandler

from albert_embed.model.hosting.handler import AlbertModelHandler, refuse_inference_args
from albert_embed.model.streams.batch_streams import BatchStreams
from albert_embed.model.streams.started_batch import StartedBatch, start_batch


class BatchStarter(ModelHandler[pa.RecordBatch, StartedBatch, BatchStreams]):
    """Hosts the model of another handler; a result is a `StartedBatch`, for `FinishBatches`.

    Args:
      handler: the other, with one stream or more.
    """

    def __init__(self, handler: AlbertModelHandler) -> None:
        super().__init__()
        self._handler = handler

    def load_model(self) -> BatchStreams:
        return BatchStreams(self._handler.load_model(), self._handler.streams)

    def run_inference(
        self, batch: pa.RecordBatch, model: BatchStreams, inference_args: dict[str, Any] | None = None
    ) -> Iterator[StartedBatch]:
        refuse_inference_args(inference_args)
        if batch.num_rows:
            yield start_batch(batch, model, self._handler.embeddings)

    def get_num_bytes(self, batch: pa.RecordBatch) -> int:
        return self._handler.get_num_bytes(batch)

    def get_metrics_namespace(self) -> str:
        return self._handler.get_metrics_namespace()

    def should_skip_batching(self) -> bool:
        return True
