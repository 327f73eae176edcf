"""The words that options of `albert-embed embed` take, and what some of them mean."""

from __future__ import annotations

from typing import Literal, get_args

Encoding = Literal["float_list", "float32_bytes", "float16_bytes", "int8", "binary"]
ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)
QUANTIZED: tuple[Encoding, ...] = ("int8", "binary")  # those that store integers
STANDARD_INPUT = "-"  # in `--input`
BIGQUERY = "bigquery"  # the format of tables, and their sink
# The names of `pipeline.sources.registry`, and that of tables.
FORMATS = ("text", "jsonl", "json", "csv", "tsv", "parquet", "tfrecord", "avro", "files", BIGQUERY)
SINKS = ("tfrecord", "parquet", BIGQUERY)
BIGQUERY_METHODS = ("file_loads", "storage_write")
VECTOR_INDEX = ("print", "run")
GPU_POOLS = ("whole", "inference")
DOCUMENT = "document"
EMBEDDING_NAMES = ("pooled", "sequence", "mean", "sentence", DOCUMENT)
