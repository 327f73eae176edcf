"""The registry of the formats of rows, the only place that lists them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from albert_embed.pipeline.formats.parquet_format import ParquetFormat
from albert_embed.pipeline.formats.row_format import RowFormat
from albert_embed.pipeline.formats.row_schema import RowSchema
from albert_embed.pipeline.formats.tfrecord_format import TFRecordFormat

FORMATS: dict[str, Callable[[RowSchema, Mapping[str, str]], RowFormat]] = {
    TFRecordFormat.name: lambda schema, _: TFRecordFormat(schema=schema),
    ParquetFormat.name: lambda schema, metadata: ParquetFormat(schema=schema, metadata=metadata),
}


def make_format(name: str, schema: RowSchema, metadata: Mapping[str, str] | None = None) -> RowFormat:
    """Makes the format with a name.

    Args:
      name: one of `FORMATS`.
      schema: of the rows.
      metadata: what files say about themselves, where the format has a place for it.

    Raises:
      ValueError: if there is no such format.
    """
    if name not in FORMATS:
        raise ValueError(f"there is no format {name!r} of rows: choose from {', '.join(FORMATS)}")
    return FORMATS[name](schema, metadata or {})


def make_formats(names: Iterable[str], schema: RowSchema, metadata: Mapping[str, str] | None = None) -> list[RowFormat]:
    """Makes the formats with some names, in their order; see `make_format`."""
    return [make_format(name, schema, metadata) for name in names]
