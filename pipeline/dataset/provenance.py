"""`Provenance`: what rows were made with. All rows of a dataset have the same."""

from __future__ import annotations

import dataclasses
import importlib.metadata
from typing import Any

from albert_embed.model.architecture.vector_shape import VectorShape
from albert_embed.pipeline.settings.embed_choices import Encoding

_PACKAGES = ("albert-embed", "apache-beam", "tensorflow", "tensorflow-text", "tensorflow-transform", "tfx-bsl")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelProvenance:
    """The model that rows were made with.

    Attributes:
      name: as `--model` named it.
      fingerprint: SHA-256 of its files, in hexadecimal digits.
      precision: of its weights.
      engine: the engine that executed it; None where none did, as in an analysis.
      lower_case: whether text is lower-cased for it.
      comma_rule: what becomes of a piece such as "1945,".
      vocabulary_fingerprint: SHA-256 of its SentencePiece model.
    """

    name: str
    fingerprint: str
    precision: str
    engine: str | None = None
    lower_case: bool
    comma_rule: str
    vocabulary_fingerprint: str

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON, without those that are None."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TransformProvenance:
    """The transform graph that rows were made with.

    Attributes:
      fingerprint: of its description (`transforms.graph.transform_graph`), including the versions of its libraries.
      options: of preprocessing, as in the description.
    """

    fingerprint: str
    options: dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Provenance:
    """What rows were made with.

    Attributes:
      embeddings: the embedding columns, such as `pooled_output`.
      hidden_size: width of an embedding as the model gives it, except that of a sentence.
      sentence_size: width of `sentence_embedding`; 0 where the model has none.
      dimensions: how many values of each vector were kept; None means all.
      normalized: whether each vector was scaled to length 1.
      encoding: how embeddings are stored (`pipeline.formats.vector_encoding`).
      model: which model.
      transform: which transform graph.
      options: all options of the run, as plain values.
    """

    embeddings: list[str]
    hidden_size: int
    sentence_size: int = 0
    dimensions: int | None = None
    normalized: bool = False
    encoding: Encoding
    model: ModelProvenance
    transform: TransformProvenance
    options: dict[str, Any]

    @property
    def vector_shape(self) -> VectorShape:
        """What became of the vectors that the model gave."""
        return VectorShape(dimensions=self.dimensions, normalize=self.normalized)

    @property
    def file_metadata(self) -> dict[str, str]:
        """What files of rows say of themselves, where their format has a place for that: name → value."""
        return {
            "albert_embed.model_fingerprint": self.model.fingerprint,
            "albert_embed.transform_fingerprint": self.transform.fingerprint,
        }


def list_library_versions() -> dict[str, str]:
    """Returns the versions that shape a result, this program's and its libraries': name → version."""
    return {name: importlib.metadata.version(name) for name in _PACKAGES}
