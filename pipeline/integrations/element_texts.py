"""`ElementTexts`: the texts of an element of any type, and the element with the vectors of these texts."""

from __future__ import annotations

import dataclasses
import reprlib
from typing import Any

from apache_beam.ml.transforms.base import EmbeddingTypeAdapter


class EmbeddingError(ValueError):
    """An element could not be embedded."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ElementTexts:
    """The texts of each element.

    Attributes:
      adapter: takes the texts of elements, and puts vectors into them.
      names: what to call each text of an element in messages.
    """

    adapter: EmbeddingTypeAdapter[Any, Any]
    names: tuple[str, ...]

    def take(self, element: Any) -> list[bytes]:
        """Returns the texts of an element, in the order of `names`.

        Raises:
          EmbeddingError: if it lacks one, or one is no text.
        """
        try:
            texts = list(self.adapter.input_fn([element]))
        except Exception as e:  # the adapter may be anyone's
            raise EmbeddingError(f"the texts of the element could not be taken: {e}") from e
        if len(texts) != len(self.names):
            raise EmbeddingError(f"the element has {len(texts)} texts instead of {len(self.names)}")
        return [_encode(text, name) for text, name in zip(texts, self.names, strict=True)]

    def put(self, element: Any, vectors: list[list[float]]) -> Any:
        """Returns the element with its vectors, in the order of `names`. It may be changed in place."""
        (embedded,) = self.adapter.output_fn([element], vectors)
        return embedded


def _encode(text: Any, name: str) -> bytes:
    if isinstance(text, bytes):
        return text
    if isinstance(text, str):
        return text.encode()
    raise EmbeddingError(
        f"{name} is {reprlib.repr(text)}, of type {type(text).__name__}; it must be a text (str, or bytes in UTF-8). "
        "Make it one, or leave the element out"
    )
