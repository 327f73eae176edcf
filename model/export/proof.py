"""The proof that an export computes what its source does, as nearly as its precision allows."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from albert_embed.model.architecture.agreement import BOUNDS, Agreement, Bound, compare_outputs
from albert_embed.model.architecture.encoder import AlbertEncoder
from albert_embed.model.architecture.precision import Precision
from albert_embed.model.architecture.sample_batch import SampleBatch
from albert_embed.model.directory.model_directory import (
    POOLED_SIGNATURE,
    POOLED_SIGNATURE_OUTPUT,
    TOKENS_SIGNATURE,
    load_saved_model,
)
from albert_embed.model.published.published_model import PublishedModel
from albert_embed.model.published.source_program import NotRunnableError, SourceProgramError, run_source
from albert_embed.transforms.rows.columns import INPUT_MASK, POOLED_OUTPUT

Outputs = dict[str, np.ndarray]
_REMEDIES: dict[Precision, str] = {
    "float32": "Please report this model, unless its weights are damaged",
    "bfloat16": "Export in float32 (--precision)",
    "float16": "Export in bfloat16 or float32 (--precision)",
}


class ExportMismatchError(RuntimeError):
    """An export does not compute what its source does."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Proof:
    """What was compared, and how it agrees.

    Attributes:
      compared_on: what the batch consists of.
      source: output of the export → how it agrees with the source's own program; empty where that was not run.
      source_not_run: why it was not run, else None.
      float32: output of the export → how it agrees with the same weights in float32.
      accepted_errors: what exceeds its bound and was accepted with --accept-error.
    """

    compared_on: str
    source: dict[str, Agreement]
    source_not_run: str | None
    float32: dict[str, Agreement]
    accepted_errors: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Returns its part of `export.json`."""
        return dataclasses.asdict(self)


class ExportProver:
    """Proves an export, and collects the errors that are accepted.

    Args:
      published: the source.
      sample: the batch to compare on.
      precision: of the export.
      accept_error: whether to continue if a bound is exceeded or the source's program fails. NaN and infinity are never
        accepted.
    """

    def __init__(
        self, published: PublishedModel, sample: SampleBatch, *, precision: Precision, accept_error: bool
    ) -> None:
        self._published = published
        self._sample = sample
        self._precision = precision
        self._accept_error = accept_error
        self._accepted: list[str] = []

    def prove(self, float32_encoder: AlbertEncoder, export: Path) -> Proof:
        """Compares the weights in float32 with the source, and the export with the weights in float32.

        Raises:
          ExportMismatchError: if a bound is exceeded; the message has value, bound and remedy.
          SourceProgramError: if the source's own program fails.
        """
        mask = self._sample.inputs[INPUT_MASK]
        with _float32_as_such():
            exact = _run_encoder(float32_encoder, self._sample.inputs)
            written = _run_saved_model(export, self._sample.inputs)
        expected, source_not_run = self._run_source()
        if expected:
            self._check(
                compare_outputs(exact, expected, mask),
                BOUNDS["float32"],
                what="the encoder in float32",
                reference="the source",
                remedy=_REMEDIES["float32"],
            )
        float32 = compare_outputs(written, exact, mask)
        self._check(
            float32,
            BOUNDS[self._precision],
            what=f"the {self._precision} export",
            reference="the encoder in float32",
            remedy=_REMEDIES[self._precision],
        )
        return Proof(
            compared_on=self._sample.description,
            source=compare_outputs(written, expected, mask),
            source_not_run=source_not_run,
            float32=float32,
            accepted_errors=tuple(self._accepted),
        )

    def _run_source(self) -> tuple[Outputs, str | None]:
        """Returns what the source computes, or nothing and the reason."""
        try:
            return _with_pooled_alone(run_source(self._published, self._sample.inputs)), None
        except NotRunnableError as e:
            return {}, str(e)
        except SourceProgramError as e:
            if not self._accept_error:
                raise SourceProgramError(
                    f"{e}. So there is no proof, and nothing was written. Export where that program works, or accept "
                    "the export without this proof: --accept-error"
                ) from e
            self._accepted.append(str(e))
            return {}, str(e)

    def _check(
        self, agreements: Mapping[str, Agreement], bound: Bound, *, what: str, reference: str, remedy: str
    ) -> None:
        """Raises ExportMismatchError if an output is not within `bound`; notes it instead where that is accepted."""
        for name, agreement in agreements.items():
            if not np.isfinite(agreement.largest_difference):
                raise ExportMismatchError(
                    f"{what} or {reference} gives NaN or infinity in {name}, on {self._sample.description}. Nothing "
                    f"was written. {remedy}. NaN and infinity are never accepted."
                )
            if bound.holds(agreement):
                continue
            error = (
                f"{name} of {what} differs from {reference}: smallest cosine {agreement.smallest_cosine:.6f} (bound "
                f"{bound.min_cosine}), largest difference {agreement.largest_difference:.3g} (bound "
                f"{bound.scale_difference(agreement):.3g}), on {self._sample.description}"
            )
            if not self._accept_error:
                raise ExportMismatchError(
                    f"{error}. Nothing was written. {remedy}, or accept the export as it is: --accept-error"
                )
            self._accepted.append(error)


@contextlib.contextmanager
def _float32_as_such() -> Iterator[None]:
    """Keeps GPUs from rounding float32 to TF32 while the `with` block runs."""
    enabled = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(enabled)


def _run_encoder(encoder: AlbertEncoder, inputs: Mapping[str, np.ndarray]) -> Outputs:
    outputs = tf.function(encoder.encode)(*(tf.constant(value) for value in inputs.values()))
    return _with_pooled_alone({name: value.numpy() for name, value in outputs.items()})


def _run_saved_model(directory: Path, inputs: Mapping[str, np.ndarray]) -> Outputs:
    """Returns all float outputs of the signatures that take tokens."""
    loaded = load_saved_model(directory)
    outputs: Outputs = {}
    for name in (TOKENS_SIGNATURE, POOLED_SIGNATURE):
        if name in loaded.signatures:
            found = loaded.signatures[name](**{key: tf.constant(value) for key, value in inputs.items()})
            outputs.update({output: value.numpy() for output, value in found.items()})
    return outputs


def _with_pooled_alone(outputs: Outputs) -> Outputs:
    """Returns `outputs`, and the expected output of the signature for the pooled output alone, which is the same."""
    if POOLED_OUTPUT not in outputs:
        return outputs
    return {**outputs, POOLED_SIGNATURE_OUTPUT: outputs[POOLED_OUTPUT]}
