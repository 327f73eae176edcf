"""`ElementSettings`: with what the texts of elements are embedded, each of which gets one vector per embedding."""

from __future__ import annotations

import dataclasses

from albert_embed.model.hosting.embeddings import EMBEDDING_COLUMNS
from albert_embed.pipeline.embed.embedding_settings import EmbeddingSettings
from albert_embed.transforms.rows.columns import DOCUMENT_OUTPUT


@dataclasses.dataclass(frozen=True, kw_only=True)
class ElementSettings(EmbeddingSettings):
    """With what texts are embedded, one vector per text and embedding; a text of several windows gets their mean.

    Raises:
      ValueError: if one is out of its range, or does not go with another.
    """

    embeddings: tuple[str, ...] = ("mean",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if "sequence" in self.embeddings:
            raise ValueError(
                "the embedding 'sequence' is a vector for each token, and here a text gets one; choose "
                f"{', '.join(name for name in EMBEDDING_COLUMNS if name != 'sequence')}, or use EmbedText"
            )
        if self.combines_windows and self.embeddings != ("mean",):
            raise ValueError(
                "long_documents 'window' gives the mean over a text's windows, which goes with the embedding 'mean' "
                f"alone, not with {', '.join(self.embeddings)}"
            )

    @property
    def combines_windows(self) -> bool:
        """Whether a text's vector is made of several rows."""
        return self.long_documents == "window"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a text's vectors, in the order of the embeddings."""
        if self.combines_windows:
            return (DOCUMENT_OUTPUT,)
        return tuple(EMBEDDING_COLUMNS[name] for name in self.embeddings)
