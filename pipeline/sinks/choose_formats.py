"""Which formats a run writes, and how."""

from __future__ import annotations

from pipeline.bigquery.table_sink import TableSink
from pipeline.embed_options import EmbedOptions
from pipeline.sinks.parquet_format import ParquetFormat
from pipeline.sinks.shard_format import ShardFormat
from pipeline.sinks.tfrecord_format import TFRecordFormat


def choose_formats(
    options: EmbedOptions, *, hidden_size: int, metadata: dict[str, str], table: TableSink | None = None
) -> list[ShardFormat]:
    """The formats that `options.sinks` names, in that order.

    Args:
      options: of the run.
      hidden_size: width of a vector.
      metadata: what files that can say something of themselves say.
      table: the table of BigQuery, where there is one.
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
    if table is not None:
        formats[table.format.name] = table.format
    return [formats[name] for name in options.sinks]
