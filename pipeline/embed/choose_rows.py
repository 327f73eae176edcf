"""What rows a run writes."""

from __future__ import annotations

from albert_embed.model.handler import EMBEDDING_COLUMNS
from albert_embed.pipeline.formats.row_schema import RowSchema
from albert_embed.pipeline.settings.embed_options import EmbedOptions


def choose_row_schema(options: EmbedOptions, hidden_size: int) -> RowSchema:
    """The rows of windows that `options` ask for.

    Args:
      options: of the run.
      hidden_size: of the model.
    """
    return RowSchema(
        embeddings=tuple(EMBEDDING_COLUMNS[name] for name in options.row_embeddings),
        hidden_size=hidden_size,
        encoding=options.encoding,
        kept=options.kept_fields,
        tokens=options.tokens,
    )
