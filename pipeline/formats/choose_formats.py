"""Which formats a run writes, and how."""

from __future__ import annotations

from albert_embed.pipeline.formats.parquet_format import ParquetFormat
from albert_embed.pipeline.formats.row_format import ShardFormat
from albert_embed.pipeline.formats.tfrecord_format import TFRecordFormat
from albert_embed.pipeline.settings.embed_options import EmbedOptions


def choose_formats(options: EmbedOptions, *, hidden_size: int, metadata: dict[str, str]) -> list[ShardFormat]:
    """The formats of files that `options.sinks` names, in that order.

    Args:
      options: of the run.
      hidden_size: width of a vector.
      metadata: what files that can say something of themselves say.
    """
    formats: dict[str, ShardFormat] = {
        "tfrecord": TFRecordFormat(encoding=options.encoding),
        "parquet": ParquetFormat(
            hidden_size=hidden_size,
            kept=options.kept_fields,
            half=options.encoding == "float16_bytes",
            metadata=metadata,
        ),
    }
    return [formats[name] for name in options.sinks if name in formats]
