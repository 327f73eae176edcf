"""`AlbertModelHandler`: hosts an ALBERT SavedModel in Beam's RunInference."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
from apache_beam.ml.inference.base import ModelHandler
from apache_beam.utils.shared import Shared

from albert_embed.model.directory.locate import locate_model
from albert_embed.model.directory.model_directory import TOKENS_SIGNATURE, check_fingerprint
from albert_embed.model.directory.saved_model_graph import read_signature_outputs
from albert_embed.model.engines.engine import Engine
from albert_embed.model.hosting.choose_engine import ENGINES, EngineName, choose_engine, load_engine
from albert_embed.model.hosting.embed_batch import embed_batch
from albert_embed.model.hosting.embeddings import check_embeddings, name_outputs, refuse_missing_outputs
from albert_embed.model.hosting.engine_task import EngineTask
from albert_embed.transforms.process.worker_threads import WorkerThreads
from albert_embed.transforms.steps import metrics
from albert_embed.transforms.steps.failure import Failure

logger = logging.getLogger(__name__)


class AlbertModelHandler(ModelHandler[pa.RecordBatch, "pa.RecordBatch | Failure", Engine]):
    """Embeds RecordBatches with an ALBERT SavedModel.

    An element is already one padded batch: a RecordBatch with `input_ids` (and `segment_ids`), such as
    `transforms.rows.token_batches` cuts. It is never batched again. RunInference loads the model once per process.

    The results for each element are RecordBatches of the same columns with the requested embeddings added, and a
    `Failure` for each row that could not be embedded. Where memory runs out, the batch is halved and each half is tried
    again. A row that fails alone, or whose embedding is not finite, becomes a `Failure`.

    Args:
      model: a SavedModel's directory, a TF Hub handle, or `default`; each worker resolves it for itself.
      embeddings: which of `pooled`, `sequence`, `mean` and `sentence` to compute.
      engine: what executes it: `tensorflow`, `openvino`, `jax`, or `auto` (`model.hosting.choose_engine`), decided on
        the worker.
      threads: how many the model may use; None means all cores.
      streams: how many batches `model.streams.run_model.RunModel` computes at once, in threads of their own, where one
        process runs all steps of a pipeline; 0 means that the thread of a bundle computes its own.
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
        streams: int = 0,
        sha256: str | None = None,
    ) -> None:
        super().__init__()
        if engine not in ENGINES:
            raise ValueError(f"engine must be one of {', '.join(ENGINES)}, not {engine!r}")
        if isinstance(threads, int) and threads < 1:
            raise ValueError(f"threads must be at least 1, not {threads}")
        if streams < 0:
            raise ValueError(f"streams must be at least 0, not {streams}")
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
    def streams(self) -> int:
        """How many batches `RunModel` computes at once; 0 where the thread of a bundle computes its own."""
        return self._streams

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
        outputs = name_outputs(self._embeddings)
        engine = load_engine(name, directory, outputs=outputs, threads=threads, streams=max(1, self._streams))
        logger.info("loaded %s with engine %s in %.1f s", self._model, name, time.perf_counter() - started)
        return engine

    def run_inference(
        self,
        batch: pa.RecordBatch | Sequence[pa.RecordBatch],
        model: Engine,
        inference_args: dict[str, Any] | None = None,
    ) -> Iterator[pa.RecordBatch | Failure]:
        refuse_inference_args(inference_args)
        for one in _list_batches(batch):
            yield from embed_batch(one, model, self._embeddings)

    def get_num_bytes(self, batch: pa.RecordBatch | Sequence[pa.RecordBatch]) -> int:
        return sum(one.nbytes for one in _list_batches(batch))

    def get_metrics_namespace(self) -> str:
        return metrics.RUN_INFERENCE_NAMESPACE

    def should_skip_batching(self) -> bool:
        return True


def refuse_inference_args(given: dict[str, Any] | None) -> None:
    """Raises ValueError where RunInference is given arguments for the model, which takes none."""
    if given:
        raise ValueError(f"AlbertModelHandler takes no inference_args, got {sorted(given)}")


def _list_batches(batch: pa.RecordBatch | Sequence[pa.RecordBatch]) -> Sequence[pa.RecordBatch]:
    """Returns what a handler is given as a list: other handlers, such as Beam's for keyed elements, hand lists on."""
    return [batch] if isinstance(batch, pa.RecordBatch) else batch
