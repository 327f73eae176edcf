"""What a folder of sentence-transformers says it does with token vectors: pooling, dense layers, normalisation.

Without TensorFlow: the program of a Hugging Face source is run where that may not be imported
(`model.published.source_program`), and the engine for GPUs computes it without.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from albert_embed.transforms.files.json_object import read_json_object

Pooling = Literal["mean", "cls"]
DenseActivation = Literal["identity", "tanh", "relu", "gelu", "sigmoid"]
NORMALIZE = "normalize"
# A vector is divided by its length, or by this where it is shorter, as torch.nn.functional.normalize does.
MIN_NORM = 1e-12


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
class SentenceOutline:
    """`SentenceModules` without their weights, as an export says it beside them.

    Attributes:
      pooling: the mean over all tokens, or the vector of [CLS].
      steps: what follows, in order: `normalize`, or the activation of a dense layer.

    Raises:
      ValueError: if one is unknown.
    """

    pooling: Pooling
    steps: tuple[str, ...]

    def __post_init__(self) -> None:
        known = (*get_args(DenseActivation), NORMALIZE)
        for name, values, choices in (("pooling", [self.pooling], get_args(Pooling)), ("step", self.steps, known)):
            for value in values:
                if value not in choices:
                    raise ValueError(f"the {name} {value!r} is unknown; known are {', '.join(choices)}")

    @property
    def dense_steps(self) -> frozenset[int]:
        """The numbers of the steps that are dense layers."""
        return frozenset(number for number, step in enumerate(self.steps) if step != NORMALIZE)

    def to_json(self) -> str:
        """Returns it as JSON text, for `read_sentence_outline`."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"


@dataclasses.dataclass(frozen=True, kw_only=True)
class SentenceModules:
    """What makes one vector of a text's tokens.

    Attributes:
      pooling: the mean over all tokens, or the vector of [CLS].
      steps: what follows, in order.
    """

    pooling: Pooling
    steps: tuple[DenseLayer | Normalize, ...]

    @property
    def outline(self) -> SentenceOutline:
        """The same without the weights."""
        steps = (step.activation if isinstance(step, DenseLayer) else NORMALIZE for step in self.steps)
        return SentenceOutline(pooling=self.pooling, steps=tuple(steps))

    def describe(self) -> str:
        """Returns its steps in words."""
        names = [
            f"dense {step.kernel.shape[0]} → {step.kernel.shape[1]}" if isinstance(step, DenseLayer) else "normalised"
            for step in self.steps
        ]
        return ", ".join([f"{self.pooling} pooling", *names])


def read_sentence_outline(path: Path) -> SentenceOutline:
    """Reads what `SentenceOutline.to_json` has written.

    Raises:
      ValueError: if the file holds something else; the message names it and says what to do.
    """
    fields: dict[str, Any] = read_json_object(path)
    try:
        return SentenceOutline(pooling=fields["pooling"], steps=tuple(fields["steps"]))
    except KeyError as e:
        raise ValueError(f"{path} lacks {e}; export the model again") from e
    except (TypeError, ValueError) as e:
        raise ValueError(f"{path}: {e}; export the model again") from e
