"""`EngineTask`: what an engine is asked to compute, and why one can't."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path


@dataclasses.dataclass(frozen=True, kw_only=True)
class EngineTask:
    """A model and embeddings of it, as far as engines differ in what they can compute.

    Attributes:
      model: the directory, for messages.
      precision: of the model.
      is_hub_module: whether it is a TF1 Hub module, rather than an export.
      lacks_outline: whether `sentence` is asked of an export that does not say how it is made, as those of earlier
        versions.
    """

    model: str
    precision: str = "float32"
    is_hub_module: bool = False
    lacks_outline: bool = False

    @classmethod
    def of(cls, directory: Path, embeddings: Sequence[str]) -> EngineTask:
        """Returns the task for the model in `directory`."""
        # Here, because the command line imports this module for the names of the engines, however little it does.
        from albert_embed.model.directory.model_directory import (
            SENTENCE_FILE,
            TOKENS_SIGNATURE,
            is_hub_module,
            read_precision,
        )
        from albert_embed.model.directory.saved_model_graph import read_signature_outputs
        from albert_embed.transforms.rows.columns import SENTENCE_EMBEDDING

        return cls(
            model=str(directory),
            precision=read_precision(directory),
            is_hub_module=is_hub_module(directory),
            lacks_outline="sentence" in embeddings
            and not (directory / "assets" / SENTENCE_FILE).exists()
            and SENTENCE_EMBEDDING in read_signature_outputs(directory, TOKENS_SIGNATURE),
        )

    def describe_lack(self, engine: str) -> str:
        """Returns why `engine` can't compute it and what to do instead, as a sentence; empty where it can."""
        if self.precision == "int8" and engine in ("tensorflow", "jax"):
            return f"the model is an int8 export, which only OpenVINO computes in int8: --engine openvino, not {engine}"
        if engine == "jax" and self.is_hub_module:
            return (
                f"engine jax reads what `albert-embed export` writes, and {self.model} is a TF Hub module; export it, "
                "or choose --engine tensorflow"
            )
        if engine == "jax" and self.lacks_outline:
            return (
                f"engine jax can't give sentence of {self.model}, which an earlier version exported: it does not say "
                "what its sentence head does; export the model again, or choose --engine tensorflow"
            )
        return ""

    def refuse(self, engine: str) -> None:
        """Raises ValueError where `engine` can't compute it."""
        if lack := self.describe_lack(engine):
            raise ValueError(lack)
