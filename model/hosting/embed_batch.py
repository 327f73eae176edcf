"""Embeds padded batches with an engine: the columns that it adds, and what becomes of rows that can't be embedded."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from albert_embed.model.architecture.padded_batch import float_lists, pad_batch
from albert_embed.model.engines.compilations import compilations
from albert_embed.model.engines.engine import Engine, OutOfMemoryError, RowError
from albert_embed.model.hosting.embeddings import EMBEDDING_COLUMNS, name_outputs
from albert_embed.model.hosting.worker_environment import observe_worker
from albert_embed.transforms.rows.columns import ID, INPUT_IDS, INPUT_MASK, TEXT_START, WINDOW
from albert_embed.transforms.rows.list_lengths import list_lengths
from albert_embed.transforms.steps import metrics
from albert_embed.transforms.steps.failure import Failure


def embed_batch(batch: pa.RecordBatch, engine: Engine, embeddings: Sequence[str]) -> Iterator[pa.RecordBatch | Failure]:
    """Yields the rows of `batch` with their embeddings; halves the batch where it does not fit into memory.

    Args:
      batch: the rows.
      engine: computes them.
      embeddings: which to add (`attach_embeddings`).
    """
    if batch.num_rows:
        inputs = pad_batch(batch)
        compute = functools.partial(engine.run, inputs, name_outputs(embeddings))
        yield from embed_padded(batch, inputs, compute, engine, embeddings)


def embed_padded(
    batch: pa.RecordBatch,
    inputs: Mapping[str, np.ndarray],
    compute: Callable[[], dict[str, np.ndarray]],
    engine: Engine,
    embeddings: Sequence[str],
) -> Iterator[pa.RecordBatch | Failure]:
    """Yields what `embed_batch` does for rows whose padded inputs are made; `compute` returns or awaits the outputs."""
    begun = time.perf_counter()
    try:
        outputs = compute()
    except (OutOfMemoryError, RowError) as e:
        if batch.num_rows == 1:
            reason = "out of memory" if isinstance(e, OutOfMemoryError) else "refused by the model"
            yield _fail_row(batch, 0, reason, f"a row of {inputs[INPUT_IDS].shape[1]} tokens failed alone: {e}")
            return
        half = batch.num_rows // 2
        yield from embed_batch(batch.slice(0, half), engine, embeddings)
        yield from embed_batch(batch.slice(half), engine, embeddings)
        return
    # How long this thread has waited: what the model computes meanwhile costs no time.
    metrics.increment(metrics.INFERENCE_MSECS, round(1000 * (time.perf_counter() - begun)))
    _count_compilations()
    metrics.increment(metrics.BATCHES)
    metrics.increment(metrics.PADDED_TOKENS, inputs[INPUT_IDS].size)
    embedded = attach_embeddings(batch, inputs[INPUT_MASK].astype(bool), outputs, embeddings)
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
    metrics.count_worker(observe_worker(engine.name).to_json(), embedded.num_rows)
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


def _count_compilations() -> None:
    """Counts what was compiled meanwhile, by whichever thread, as this bundle's."""
    compiled = compilations.take()
    if compiled.number:
        metrics.increment(metrics.COMPILATIONS, compiled.number)
        metrics.increment(metrics.COMPILATION_MSECS, compiled.msecs)


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
