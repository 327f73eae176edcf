"""How an int8 export agrees with its own weights in float32, on texts that it was not calibrated on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from albert_embed.model.architecture.agreement import Agreement, compare_outputs
from albert_embed.model.directory.model_directory import TOKENS_SIGNATURE
from albert_embed.model.directory.saved_model_graph import read_signature_outputs
from albert_embed.model.engines.engine import Engine
from albert_embed.model.engines.openvino_engine import OpenVINOEngine
from albert_embed.model.engines.tensorflow_engine import TensorFlowEngine
from albert_embed.model.export.calibration import CalibrationBatches, Inputs
from albert_embed.model.export.proof import ExportMismatchError
from albert_embed.transforms.rows.columns import INPUT_MASK, MEAN_OUTPUT

MIN_COSINE = 0.99


@dataclasses.dataclass(frozen=True, kw_only=True)
class Int8Proof:
    """What an int8 export was calibrated on, and how it agrees on other texts.

    Attributes:
      texts: how many were taken of what, for people.
      float32: output → how it agrees with the same weights in float32; `mean_output` beside those of the export.
      accepted_errors: what was below its bound and was accepted with --accept-error.
    """

    texts: str
    float32: dict[str, Agreement]
    accepted_errors: tuple[str, ...]


def prove_int8(export: Path, batches: CalibrationBatches, *, accept_error: bool) -> Int8Proof:
    """Compares an export in int8, as OpenVINO computes it here, with the same in float32 on the held-out texts.

    Args:
      export: its directory.
      batches: its texts.
      accept_error: whether to continue where a cosine is below `MIN_COSINE`. NaN and infinity are never accepted.

    Raises:
      ExportMismatchError: if a bound is not met; the message has value, bound and remedy.
    """
    outputs = (*sorted(read_signature_outputs(export, TOKENS_SIGNATURE)), MEAN_OUTPUT)
    found = _compare(OpenVINOEngine(export, precision="int8"), TensorFlowEngine(export), batches.held_out, outputs)
    errors = [
        f"{name} in int8 differs from float32: smallest cosine {agreement.smallest_cosine:.6f} (bound {MIN_COSINE}), "
        f"{batches.describe()}"
        for name, agreement in found.items()
        if not agreement.smallest_cosine >= MIN_COSINE  # NaN is not
    ]
    finite = all(np.isfinite(agreement.smallest_cosine) for agreement in found.values())
    if errors and not (accept_error and finite):
        accept = ", or accept the export as it is: --accept-error" if finite else ""
        raise ExportMismatchError(
            f"{'; '.join(errors)}. Nothing was written. Calibrate on more texts, or on texts more like those that will "
            f"be embedded (--calibration-texts), export in bfloat16 (--precision){accept}"
        )
    return Int8Proof(texts=batches.describe(), float32=found, accepted_errors=tuple(errors))


def _compare(engine: Engine, exact: Engine, batches: Sequence[Inputs], outputs: Sequence[str]) -> dict[str, Agreement]:
    agreements = [
        compare_outputs(engine.run(batch, outputs), exact.run(batch, outputs), batch[INPUT_MASK]) for batch in batches
    ]
    return {name: _merge([one[name] for one in agreements]) for name in outputs}


def _merge(agreements: Sequence[Agreement]) -> Agreement:
    """Returns the worst of each number; NaN where one is NaN."""
    return Agreement(
        smallest_cosine=float(np.min([one.smallest_cosine for one in agreements])),
        largest_difference=float(np.max([one.largest_difference for one in agreements])),
        largest_value=float(np.max([one.largest_value for one in agreements])),
    )
