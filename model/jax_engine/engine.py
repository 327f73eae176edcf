"""Executes an export with JAX, for GPUs: fixed shapes, fused attention, and on Hopper no padding at all."""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from albert_embed.model.architecture.config import AlbertConfig
from albert_embed.model.architecture.sentence_modules import SentenceOutline
from albert_embed.model.engines.compilations import compilations
from albert_embed.model.engines.engine import OutOfMemoryError
from albert_embed.model.engines.refuse_rows import refuse_rows
from albert_embed.model.jax_engine.layout import TOKENS, FlatLayout, LaidBatch, PaddedLayout, Shape
from albert_embed.transforms.rows.columns import (
    INPUT_IDS,
    INPUT_MASK,
    MEAN_OUTPUT,
    POOLED_OUTPUT,
    SEGMENT_IDS,
    SENTENCE_EMBEDDING,
    SEQUENCE_OUTPUT,
)

logger = logging.getLogger(__name__)

# XLA's own matrix kernels leave bias and GELU to kernels of their own; cuBLAS' do both on the way: 2.65 against
# 2.35 M tokens/s at length 512 on an H200 (benchmarks/NOTES.md).
_GPU_OPTIONS = {"xla_gpu_enable_triton_gemm": False}


class JaxEngine:
    """The encoder of an export, compiled by XLA for a few shapes.

    It computes in the precision of the weights, with softmax, layer norm and the sentence head in float32. It gives
    `sequence_output` and `mean_output`; `pooled_output` where the weights have a pooler, and `sentence_embedding` where
    the export has a sentence head.

    Args:
      config: of the export.
      weights: of the export (`model.jax_engine.weights`).
      sentence: what the sentence head does; None where there is none.
      attention: `flat`, `fused` or `masked` (`model.jax_engine.attention`); None chooses by the device.
      tokens: of the largest shape.

    Raises:
      ImportError: if jax is not installed.
    """

    name = "jax"

    def __init__(
        self,
        config: AlbertConfig,
        weights: Mapping[str, Any],
        *,
        sentence: SentenceOutline | None = None,
        attention: str | None = None,
        tokens: int = TOKENS,
    ) -> None:
        try:
            import jax
        except ImportError as e:
            raise ImportError(
                "--engine jax needs the package jax, which is not installed; "
                "install albert-embed with the extra jax, or choose --engine tensorflow"
            ) from e
        from albert_embed.model.jax_engine.attention import choose_attention

        self._config = config
        self._sentence = sentence
        self._outputs = [SEQUENCE_OUTPUT, MEAN_OUTPUT]
        self._outputs += [POOLED_OUTPUT] if "pooler" in weights else []
        self._outputs += [SENTENCE_EMBEDDING] if sentence is not None else []
        self._attention = attention or choose_attention(weights["word_embeddings"].dtype, config.head_size)
        layout = FlatLayout if self._attention.startswith("flat") else PaddedLayout
        self._layout = layout(config.max_position_embeddings, tokens)
        self._weights = jax.device_put(dict(weights))
        self._compiled: dict[tuple[Shape, tuple[str, ...]], Any] = {}
        self._compiling = threading.Lock()
        logger.info("engine jax on %s with attention %s", jax.devices()[0].device_kind, self._attention)

    @property
    def compilations(self) -> int:
        """How many shapes were compiled so far."""
        return len(self._compiled)

    def run(self, inputs: Mapping[str, np.ndarray], outputs: Collection[str]) -> dict[str, np.ndarray]:
        """Returns the named outputs for a padded batch; see `model.engines.engine.Engine.run`.

        Raises:
          ValueError: if the model has no such output.
        """
        names = tuple(sorted(outputs))
        if unknown := set(names) - set(self._outputs):
            raise ValueError(
                f"engine jax gives {', '.join(self._outputs)} of this model, not {', '.join(sorted(unknown))}"
            )
        lengths = inputs[INPUT_MASK].sum(axis=1)
        refuse_rows(inputs, self._config)
        results = self._run(inputs, lengths, names)
        self._run_alone_what_is_not_finite(inputs, lengths, results)
        return results

    def _run(
        self, inputs: Mapping[str, np.ndarray], lengths: np.ndarray, names: tuple[str, ...]
    ) -> dict[str, np.ndarray]:
        rows, length = inputs[INPUT_IDS].shape
        results: dict[str, np.ndarray] = {}
        # All parts are started before the first is waited for.
        parts = [
            (batch, self._start(batch, names))
            for batch in self._layout.lay(inputs[INPUT_IDS], inputs[SEGMENT_IDS], lengths)
        ]
        for batch, found in parts:
            for name in names:
                values = self._fetch(found[name])
                if name not in results:
                    places = (rows, length) if name == SEQUENCE_OUTPUT else (rows,)
                    results[name] = np.zeros((*places, values.shape[-1]), np.float32)
                _collect(batch, lengths, values, results[name])
        return results

    def _start(self, batch: LaidBatch, names: tuple[str, ...]) -> Any:
        arguments = (self._weights, batch.tokens, batch.starts, batch.lengths)
        with _out_of_memory_told_apart():
            return self._find_program(batch.shape, names, arguments)(*arguments)

    def _find_program(self, shape: Shape, names: tuple[str, ...], arguments: tuple[Any, ...]) -> Any:
        """Returns what is compiled for a shape; several threads may ask at once, and one compiles it."""
        key = (shape, names)
        if key not in self._compiled:
            with self._compiling:
                if key not in self._compiled:
                    self._compiled[key] = self._compile(shape, names, arguments)
        return self._compiled[key]

    def _fetch(self, value: Any) -> np.ndarray:
        with _out_of_memory_told_apart():
            return np.asarray(value)

    def _compile(self, shape: Shape, names: tuple[str, ...], arguments: tuple[Any, ...]) -> Any:
        import jax

        from albert_embed.model.jax_engine.program import compute_outputs

        function = functools.partial(
            compute_outputs,
            config=self._config,
            sentence=self._sentence,
            shape=shape,
            attention=self._attention,
            names=names,
        )
        options = _GPU_OPTIONS if jax.devices()[0].platform == "gpu" else {}
        logger.info("compiling %s for %s", ", ".join(names), shape)
        with compilations.measure():
            return jax.jit(function).lower(*arguments).compile(compiler_options=options)

    def _run_alone_what_is_not_finite(
        self, inputs: Mapping[str, np.ndarray], lengths: np.ndarray, results: dict[str, np.ndarray]
    ) -> None:
        """Runs rows with NaN or infinity again, each by itself: without padding they may be a neighbour's."""
        rows = len(lengths)
        finite = np.ones(rows, bool)
        for values in results.values():
            finite &= np.isfinite(values.reshape(rows, -1)).all(axis=1)
        if finite.all() or rows == 1:
            return
        for row in np.flatnonzero(~finite):
            alone = {name: values[row : row + 1] for name, values in inputs.items()}
            for name, values in self._run(alone, lengths[row : row + 1], tuple(results)).items():
                results[name][row] = values[0]


def _collect(batch: LaidBatch, lengths: np.ndarray, found: np.ndarray, result: np.ndarray) -> None:
    """Copies an output of the laid batch to the rows that its texts come from."""
    if result.ndim == 2:
        result[batch.texts] = found[: len(batch.texts)]
        return
    for text, row in enumerate(batch.texts.tolist()):
        start = batch.starts[text]
        result[row, : lengths[row]] = found[start : start + lengths[row]]


@contextlib.contextmanager
def _out_of_memory_told_apart() -> Iterator[None]:
    """Raises OutOfMemoryError for the error of JAX that means it; others are no row's fault, and end the run."""
    try:
        yield
    except RuntimeError as e:  # JaxRuntimeError
        if "RESOURCE_EXHAUSTED" in str(e) or "out of memory" in str(e).lower():
            raise OutOfMemoryError(str(e)) from e
        raise
