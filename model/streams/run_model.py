"""`RunModel`: the model as a step of a pipeline, with RunInference."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.ml.inference.base import RunInference

from albert_embed.model.hosting.handler import AlbertModelHandler
from albert_embed.model.hosting.load_on_demand import LoadOnDemand
from albert_embed.model.streams.batch_starter import BatchStarter
from albert_embed.model.streams.batch_streams import BatchStreams
from albert_embed.model.streams.finish_batches import FinishBatches
from albert_embed.model.streams.started_batch import StartedBatch


class RunModel(beam.PTransform[beam.PCollection[pa.RecordBatch], beam.PCollection[Any]]):
    """Turns padded batches into RecordBatches with embeddings, and a `Failure` for each row that has none.

    Where the handler has streams, batches are begun in one step and finished in the next, and meanwhile the steps
    before and after them go on in the same thread. Elsewhere the thread of a bundle waits for each of its batches:
    workers have several such threads.

    Args:
      handler: hosts the model.
      accelerator: a resource hint for the step that needs the GPU; None for none.
    """

    def __init__(self, handler: AlbertModelHandler, *, accelerator: str | None = None) -> None:
        super().__init__()
        self._handler = handler
        self._accelerator = accelerator

    def expand(self, batches: beam.PCollection[pa.RecordBatch]) -> beam.PCollection[Any]:
        if self._handler.streams:
            starter: LoadOnDemand[StartedBatch, BatchStreams] = LoadOnDemand(BatchStarter(self._handler))
            started = batches | "StartBatches" >> RunInference(starter).with_output_types(StartedBatch)
            finished: beam.PCollection[Any] = started | "FinishBatches" >> FinishBatches()
            return finished
        run_inference: beam.PTransform[Any, Any] = RunInference(LoadOnDemand(self._handler))
        if self._accelerator is not None:
            run_inference = run_inference.with_resource_hints(accelerator=self._accelerator)
        embedded: beam.PCollection[Any] = batches | "RunInference" >> run_inference
        return embedded
