"""What a folder of sentence-transformers says it does with token vectors: pooling, dense layers, normalisation.

Without TensorFlow: the program of a Hugging Face source is run where that may not be imported
(`model.published.source_program`).
"""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np

Pooling = Literal["mean", "cls"]
DenseActivation = Literal["identity", "tanh", "relu", "gelu", "sigmoid"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class DenseLayer:
    """A dense layer.

    Attributes:
      kernel: `[input, output]`.
      bias: `[output]`.
      activation: applied to its result.
    """

    kernel: np.ndarray
    bias: np.ndarray
    activation: DenseActivation


class Normalize:
    """Division of each vector by its length."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SentenceModules:
    """What makes one vector of a text's tokens.

    Attributes:
      pooling: the mean over all tokens, or the vector of [CLS].
      steps: what follows, in order.
    """

    pooling: Pooling
    steps: tuple[DenseLayer | Normalize, ...]

    def describe(self) -> str:
        """Returns its steps in words."""
        names = [
            f"dense {step.kernel.shape[0]} → {step.kernel.shape[1]}" if isinstance(step, DenseLayer) else "normalised"
            for step in self.steps
        ]
        return ", ".join([f"{self.pooling} pooling", *names])
