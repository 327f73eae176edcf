"""`AlbertModelHandler`: hosts an ALBERT SavedModel in Beam's RunInference."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from apache_beam.ml.inference.base import ModelHandler
from apache_beam.utils.shared import Shared

from albert_embed.model.directory.locate import locate_model
from albert_embed.model.directory.model_directory import TOKENS_SIGNATURE, check_fingerprint
from albert_embed.model.directory.saved_model_graph import read_signature_outputs
from albert_embed.model.engines.engine import Engine
from albert_embed.model.hosting.choose_engine import ENGINES, EngineName, choose_engine, load_engine
from albert_embed.model.hosting.embed_batch import embed_batches
from albert_embed.model.hosting.embeddings import check_embeddings, refuse_missing_outputs
from albert_embed.model.hosting.engine_task import EngineTask
from albert_embed.model.hosting.worker_environment import observe_worker
from albert_embed.transforms.process.worker_threads import WorkerThreads
from albert_embed.transforms.steps import metrics
from albert_embed.transforms.steps.failure import Failure

logger = logging.getLogger(__name__)


class AlbertModelHandler(ModelHandler[pa.RecordBatch, "pa.RecordBatch | Failure", Engine]):
    """Embeds RecordBatches with an ALBERT SavedModel.

    An element is already one padded batch: a RecordBatch with `input_ids` (and `segment_ids`), such as
    `transforms.rows.token_batches` cuts. It is never batched again; with several streams, as many elements are handed
    over and computed at once. RunInference loads the model once per process.

    The results for each element are RecordBatches of the same columns with the requested embeddings added, and a
    `Failure` for each row that could not be embedded. Where memory runs out, the batch is halved and each half is tried
    again. A row that fails alone, or whose embedding is not finite, becomes a `Failure`.

    Args:
      model: a SavedModel's directory, a TF Hub handle, or `default`; each worker resolves it for itself.
      embeddings: which of `pooled`, `sequence`, `mean` and `sentence` to compute.
      engine: what executes it: `tensorflow`, `openvino`, `jax`, or `auto` (`model.hosting.choose_engine`), decided on
        the worker.
      threads: how many the model may use; None means all cores.
      streams: how many batches are computed at once.
      sha256: the fingerprint that the model must have on each worker (`model.directory.model_directory`); None takes
        any.

    Raises:
      ValueError: if an embedding or the engine is unknown.
    """

    def __init__(
        self,
        model: str,
        *,
        embeddings: Sequence[str] = ("pooled",),
        engine: EngineName = "tensorflow",
        threads: int | WorkerThreads | None = None,
        streams: int = 1,
        sha256: str | None = None,
    ) -> None:
        super().__init__()
        if engine not in ENGINES:
            raise ValueError(f"engine must be one of {', '.join(ENGINES)}, not {engine!r}")
        if isinstance(threads, int) and threads < 1:
            raise ValueError(f"threads must be at least 1, not {threads}")
        if streams < 1:
            raise ValueError(f"streams must be at least 1, not {streams}")
        self._model = model
        self._sha256 = sha256
        self._embeddings = check_embeddings(embeddings)
        self._engine = engine
        self._threads = threads if isinstance(threads, WorkerThreads) else WorkerThreads(given=threads)
        self._streams = streams
        self._shared = Shared()

    @property
    def embeddings(self) -> tuple[str, ...]:
        """The embeddings that it computes."""
        return self._embeddings

    @property
    def threads(self) -> WorkerThreads:
        """How many threads each worker process may use."""
        return self._threads

    def load_model(self) -> Engine:
        """Loads the model, or returns the one that another step with this handler has loaded in this process."""
        engine: Engine = self._shared.acquire(self._load)
        return engine

    def _load(self) -> Engine:
        started = time.perf_counter()
        threads = self._threads.limit()
        directory = locate_model(self._model)
        if self._sha256 is not None:
            check_fingerprint(directory, self._model, self._sha256)
        refuse_missing_outputs(self._embeddings, read_signature_outputs(directory, TOKENS_SIGNATURE), self._model)
        name = choose_engine(self._engine, EngineTask.of(directory, self._embeddings))
        engine = load_engine(name, directory, threads=threads, streams=self._streams)
        logger.info("loaded %s with engine %s in %.1f s", self._model, name, time.perf_counter() - started)
        return engine

    def run_inference(
        self,
        batch: pa.RecordBatch | Sequence[pa.RecordBatch],
        model: Engine,
        inference_args: dict[str, Any] | None = None,
    ) -> Iterable[pa.RecordBatch | Failure]:
        if inference_args:
            raise ValueError(f"AlbertModelHandler takes no inference_args, got {sorted(inference_args)}")
        worker = observe_worker(model.name).to_json()
        batches = [batch] if isinstance(batch, pa.RecordBatch) else batch
        for result in embed_batches(batches, model, self._embeddings):
            if isinstance(result, pa.RecordBatch):
                metrics.count_worker(worker, result.num_rows)
            yield result

    def get_num_bytes(self, batch: pa.RecordBatch | Sequence[pa.RecordBatch]) -> int:
        if isinstance(batch, pa.RecordBatch):
            return int(batch.nbytes)
        return sum(element.nbytes for element in batch)

    def get_metrics_namespace(self) -> str:
        return metrics.RUN_INFERENCE_NAMESPACE

    def should_skip_batching(self) -> bool:
        return self._streams == 1

    def batch_elements_kwargs(self) -> Mapping[str, Any]:
        return {"min_batch_size": self._streams, "max_batch_size": self._streams}
