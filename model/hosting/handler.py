"""`AlbertModelHandler`: hosts an ALBERT SavedModel in Beam's RunInference."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from apache_beam.ml.inference.base import ModelHandler
from apache_beam.utils.shared import Shared

from albert_embed.model.architecture.padded_batch import float_lists, pad_batch
from albert_embed.model.directory.locate import locate_model
from albert_embed.model.directory.model_directory import TOKENS_SIGNATURE, check_fingerprint, read_precision
from albert_embed.model.directory.saved_model_graph import read_signature_outputs
from albert_embed.model.engines.engine import Engine, OutOfMemoryError, RowError
from albert_embed.model.hosting.choose_engine import (
    ENGINES,
    EngineName,
    choose_engine,
    load_engine,
    refuse_engine_s_lack,
)
from albert_embed.model.hosting.worker_environment import observe_worker
from albert_embed.transforms.process.worker_threads import WorkerThreads
from albert_embed.transforms.rows.columns import (
    ID,
    INPUT_IDS,
    MEAN_OUTPUT,
    POOLED_OUTPUT,
    SENTENCE_EMBEDDING,
    SEQUENCE_OUTPUT,
    TEXT_START,
    WINDOW,
)
from albert_embed.transforms.rows.list_lengths import list_lengths
from albert_embed.transforms.steps import metrics
from albert_embed.transforms.steps.failure import Failure

logger = logging.getLogger(__name__)

# The name of each column in --embeddings, which is also what an engine calls it; and the output of the model from which
# it is made.
EMBEDDING_COLUMNS: dict[str, str] = {
    "pooled": POOLED_OUTPUT,
    "sequence": SEQUENCE_OUTPUT,
    "mean": MEAN_OUTPUT,
    "sentence": SENTENCE_EMBEDDING,
}
_MODEL_OUTPUTS: dict[str, str] = {
    "pooled": POOLED_OUTPUT,
    "sequence": SEQUENCE_OUTPUT,
    "mean": SEQUENCE_OUTPUT,
    "sentence": SENTENCE_EMBEDDING,
}
# Why a model lacks an output.
_REASONS = {
    POOLED_OUTPUT: "it was trained without a pooler",
    SENTENCE_EMBEDDING: "it was not exported from a folder of sentence-transformers",
}


def check_embeddings(embeddings: Sequence[str]) -> tuple[str, ...]:
    """Returns `embeddings` as a tuple; raises ValueError if one is unknown or named twice, or if there is none."""
    unknown = [name for name in embeddings if name not in EMBEDDING_COLUMNS]
    if unknown or not embeddings or len(set(embeddings)) != len(embeddings):
        raise ValueError(
            f"embeddings must be one or more of {', '.join(EMBEDDING_COLUMNS)}, each once, not {list(embeddings)}"
        )
    return tuple(embeddings)


def refuse_missing_outputs(embeddings: Sequence[str], outputs: Collection[str], model: str) -> None:
    """Raises ValueError where `embeddings` need an output that the signature `tokens` of `model` does not give."""
    present = [name for name, output in _MODEL_OUTPUTS.items() if output in outputs]
    for name in embeddings:
        if name not in present:
            output = _MODEL_OUTPUTS[name]
            raise ValueError(
                f"--embeddings {name}: the model {model} has no {output}, because {_REASONS[output]}; "
                f"choose {' or '.join(present)}"
            )


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
      threads: how many one batch may use; None means all cores.
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
        sha256: str | None = None,
    ) -> None:
        super().__init__()
        if engine not in ENGINES:
            raise ValueError(f"engine must be one of {', '.join(ENGINES)}, not {engine!r}")
        if isinstance(threads, int) and threads < 1:
            raise ValueError(f"threads must be at least 1, not {threads}")
        refuse_engine_s_lack(engine, embeddings)
        self._model = model
        self._sha256 = sha256
        self._embeddings = check_embeddings(embeddings)
        self._engine = engine
        self._threads = threads if isinstance(threads, WorkerThreads) else WorkerThreads(given=threads)
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
        name = choose_engine(self._engine, read_precision(directory))
        if self._sha256 is not None:
            check_fingerprint(directory, self._model, self._sha256)
        refuse_missing_outputs(self._embeddings, read_signature_outputs(directory, TOKENS_SIGNATURE), self._model)
        engine = load_engine(name, directory, threads=threads)
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
        for element in [batch] if isinstance(batch, pa.RecordBatch) else batch:
            for result in embed_batch(element, model, self._embeddings):
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
        return True


def embed_batch(batch: pa.RecordBatch, engine: Engine, embeddings: Sequence[str]) -> Iterator[pa.RecordBatch | Failure]:
    """Yields the rows of `batch` with their embeddings; halves the batch where it does not fit into memory."""
    if batch.num_rows == 0:
        return
    inputs = pad_batch(batch)
    started = time.perf_counter()
    try:
        outputs = engine.run(inputs, {EMBEDDING_COLUMNS[name] for name in embeddings})
    except (OutOfMemoryError, RowError) as e:
        if batch.num_rows == 1:
            reason = "out of memory" if isinstance(e, OutOfMemoryError) else "refused by the model"
            yield _fail_row(batch, 0, reason, f"a row of {inputs[INPUT_IDS].shape[1]} tokens failed alone: {e}")
            return
        half = batch.num_rows // 2
        yield from embed_batch(batch.slice(0, half), engine, embeddings)
        yield from embed_batch(batch.slice(half), engine, embeddings)
        return
    metrics.increment(metrics.INFERENCE_MSECS, round(1000 * (time.perf_counter() - started)))
    metrics.increment(metrics.BATCHES)
    metrics.increment(metrics.PADDED_TOKENS, inputs[INPUT_IDS].size)
    embedded = attach_embeddings(batch, inputs["input_mask"].astype(bool), outputs, embeddings)
    finite = finite_rows(embedded, embeddings)
    if not finite.all():
        for row in np.flatnonzero(~finite):
            yield _fail_row(
                batch,
                int(row),
                "not finite",
                "the model gave NaN or infinity; a float32 or bfloat16 export has a wider range than a float16 one",
            )
        embedded = embedded.filter(pa.array(finite))
    metrics.increment(metrics.ROWS, embedded.num_rows)
    metrics.increment(metrics.TOKENS, int(list_lengths(embedded.column(INPUT_IDS)).sum()))
    yield embedded


def attach_embeddings(
    batch: pa.RecordBatch, real: np.ndarray, outputs: Mapping[str, np.ndarray], embeddings: Sequence[str]
) -> pa.RecordBatch:
    """Returns `batch` with a column for each of `embeddings`.

    Args:
      batch: the rows.
      real: `[rows, seq]` bool, True at real tokens.
      outputs: what the engine returned for them.
      embeddings: `pooled` becomes `pooled_output` [H]; `sequence` becomes `sequence_output` [n · H], the n real tokens
        row-major; `mean` becomes `mean_output` [H], the mean over them, [CLS] and [SEP] included;
        `sentence` becomes `sentence_embedding`.
    """
    lengths = real.sum(axis=1)
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    for name in embeddings:
        values = outputs[EMBEDDING_COLUMNS[name]]
        hidden_size = values.shape[-1]
        if name == "sequence":
            flat = values[real] if not real.all() else values
            columns[EMBEDDING_COLUMNS[name]] = float_lists(flat, lengths * hidden_size)
            continue
        columns[EMBEDDING_COLUMNS[name]] = float_lists(values, np.full(len(values), hidden_size))
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def finite_rows(batch: pa.RecordBatch, embeddings: Sequence[str]) -> np.ndarray:
    """Returns which rows' embeddings hold neither NaN nor infinity, `[rows]` bool."""
    finite = np.ones(batch.num_rows, bool)
    for name in embeddings:
        column = batch.column(EMBEDDING_COLUMNS[name])
        flat = np.asarray(column.flatten())
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(flat.sum()):  # NaN and infinity are never lost in a sum, which costs a tenth
                continue
        values = np.isfinite(flat)
        if not values.all():
            starts = np.asarray(column.offsets)[:-1] - column.offsets[0].as_py()
            finite &= np.logical_and.reduceat(values, starts)
    return finite


def _fail_row(batch: pa.RecordBatch, row: int, reason: str, error: str) -> Failure:
    def value(name: str) -> Any:
        return batch.column(name)[row].as_py() if name in batch.schema.names else None

    return Failure(
        id=value(ID) or b"",
        stage="inference",
        reason=reason,
        error=error,
        text=value(TEXT_START) or b"",
        window=value(WINDOW),
    )
