"""Finds the schema of a finished output's rows in its manifest."""

from __future__ import annotations

from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.formats.row_schema import RowSchema
from albert_embed.pipeline.settings.kept_fields import parse_kept_fields


def make_row_schema(manifest: Manifest) -> RowSchema:
    """Returns the schema of the windows' rows in an output."""
    return RowSchema(
        embeddings=tuple(manifest.embeddings),
        hidden_size=manifest.hidden_size,
        encoding=manifest.encoding,  # type: ignore[arg-type]
        kept=parse_kept_fields(tuple(manifest.options.get("keep_fields", ()))),
        tokens=bool(manifest.options.get("tokens")),
    )
