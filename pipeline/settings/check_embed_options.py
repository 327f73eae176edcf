"""`check_embed_options`: whether the options of `albert-embed embed` are in their ranges and go together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from albert_embed.model.hosting.choose_engine import ENGINES
from albert_embed.pipeline.settings.choices import check_at_least, check_choice, check_choices, check_sha256
from albert_embed.pipeline.settings.embed_choices import (
    BIGQUERY,
    BIGQUERY_METHODS,
    DOCUMENT,
    EMBEDDING_NAMES,
    ENCODINGS,
    FORMATS,
    GPU_POOLS,
    QUANTIZED,
    SINKS,
    STANDARD_INPUT,
    VECTOR_INDEX,
)
from albert_embed.pipeline.settings.kept_fields import is_reserved, list_kept_fields
from albert_embed.pipeline.settings.run_limits import DEFAULT_MAX_DELETIONS, parse_share_limit
from albert_embed.pipeline.settings.table_name import TableName
from albert_embed.transforms.graph.preprocessing_config import LONG_DOCUMENTS
from albert_embed.transforms.steps.failure import TEXT_START_BYTES

if TYPE_CHECKING:
    from albert_embed.pipeline.settings.embed_options import EmbedOptions


def check_embed_options(options: EmbedOptions) -> None:
    """Checks options against each other; what only the model or the input can tell is checked when these are opened.

    Raises:
      ValueError: if one is out of its range or contradicts another; the message says what to give.
    """
    _check_output(options)
    _check_table(options)
    _check_input(options)
    _check_model(options)
    _check_embeddings(options)
    _check_numbers(options)
    _check_additions(options)
    _check_limits(options)


def _check_output(options: EmbedOptions) -> None:
    check_choices("--sink", options.sinks, SINKS)
    if options.table is not None:
        TableName.parse(options.table)
    if not options.output and options.table is None:
        raise ValueError("--output names nothing; give a directory, a table as bq:PROJECT:DATASET.TABLE, or both")
    if not options.output and options.file_sinks:
        raise ValueError(
            f"--sink {','.join(options.file_sinks)} writes files: give --output a directory beside the table"
        )
    if options.table is None and BIGQUERY in options.sinks:
        raise ValueError("--sink bigquery needs a table: give --output bq:PROJECT:DATASET.TABLE")
    if options.table is not None and BIGQUERY not in options.sinks:
        raise ValueError(f"--output names {options.table}, but --sink has no bigquery; add it, or leave the table out")
    if options.table is not None and options.incremental and not options.file_sinks:
        raise ValueError(
            "--incremental needs files to see what has been embedded: give --output a directory, and --sink "
            "tfrecord or parquet, beside the table"
        )
    if options.index and not (options.file_sinks and set(options.embeddings) - {"sequence"}):
        raise ValueError(
            "--index is of files with a vector for each row: give --sink tfrecord or parquet, and --embeddings mean"
        )


def _check_table(options: EmbedOptions) -> None:
    check_choice("--bigquery-method", options.bigquery_method, BIGQUERY_METHODS)
    if options.vector_index is None:
        return
    check_choice("--vector-index", options.vector_index, VECTOR_INDEX)
    if options.table is None or not {"pooled", "mean", "sentence"} & set(options.embeddings):
        raise ValueError(
            "--vector-index is about vectors in a table: give --output bq:PROJECT:DATASET.TABLE, and pooled, "
            "mean or sentence among the --embeddings"
        )
    if options.encoding in QUANTIZED:
        raise ValueError(
            f"--vector-index: BigQuery searches ARRAY<FLOAT64>, and --encoding {options.encoding} writes BYTES; "
            "give another --encoding, or leave --vector-index out"
        )


def _check_input(options: EmbedOptions) -> None:
    if options.query is not None and (options.input or options.format not in (None, BIGQUERY)):
        raise ValueError("--query is an input of its own, of format bigquery; leave out --input and --format")
    if not options.input and not options.query:
        raise ValueError("--input names no files; give at least one path or pattern, or a --query for BigQuery")
    if "" in options.input:
        raise ValueError("--input has an empty path; is a variable of the shell not set?")
    if STANDARD_INPUT in options.input:
        if len(options.input) > 1:
            raise ValueError("--input - reads standard input, which can't be read beside files; give it alone")
        if options.incremental:
            raise ValueError(
                "--input - can't be read with --incremental, which must know where each document comes from; copy "
                "the content to a file, and give that"
            )
    if options.format is not None:
        check_choice("--format", options.format, FORMATS)
    if options.reads_table:
        if options.format not in (None, BIGQUERY):
            raise ValueError(f"--format is {options.format}, but --input names a table; leave --format out")
        for name in options.input:
            TableName.parse(name)


def _check_model(options: EmbedOptions) -> None:
    check_choice("--engine", options.engine, ENGINES)
    check_sha256("--model-sha256", options.model_sha256)
    check_choice("--gpu-pool", options.gpu_pool, GPU_POOLS)
    if options.gpu is None and options.gpu_pool != "whole":
        raise ValueError(
            f"--gpu-pool {options.gpu_pool} is about the workers that --gpu asks for; give both, or neither"
        )


def _check_embeddings(options: EmbedOptions) -> None:
    check_choice("--encoding", options.encoding, ENCODINGS)
    check_choice("--long-documents", options.long_documents, LONG_DOCUMENTS)
    check_choices("--embeddings", options.embeddings, EMBEDDING_NAMES)
    if DOCUMENT in options.embeddings and options.table is not None:
        raise ValueError(
            "--embeddings document writes files, not tables: leave the table out of --output, or document out of "
            "--embeddings; in a table, a query can compute the mean of a document's windows"
        )
    if options.accept_dimensions and options.dimensions is None:
        raise ValueError("--accept-dimensions works only with --dimensions; give both, or neither")
    for field in list_kept_fields(options.keep_fields):
        if DOCUMENT in options.embeddings and is_reserved(field.column, of_documents=True):
            field.refuse()


def _check_numbers(options: EmbedOptions) -> None:
    for flag, value in (
        ("--csv-max-lines", options.csv_max_lines),
        ("--max-tokens", options.max_tokens),
        ("--batch-tokens", options.batch_tokens),
        ("--worker-threads", options.worker_threads),
        ("--streams", options.streams),
        ("--dimensions", options.dimensions),
        ("--shard-bytes", options.shard_bytes),
    ):
        check_at_least(flag, value, 1)
    check_at_least("--retain", options.retain, 0)
    if options.shard_seconds is not None and not options.shard_seconds > 0:
        raise ValueError(f"--shard-seconds must be more than 0, not {options.shard_seconds}")
    if not 0 <= options.failure_text <= TEXT_START_BYTES:
        raise ValueError(f"--failure-text must lie between 0 and {TEXT_START_BYTES}, not {options.failure_text}")


def _check_additions(options: EmbedOptions) -> None:
    """Checks what is about adding to an output."""
    compacts = options.compact_above is not None
    needing = {"--rebuild": options.rebuild, "--full-snapshot": options.full_snapshot, "--compact-above": compacts}
    for flag, given in needing.items():
        if given and not options.incremental:
            raise ValueError(f"{flag} works only with --incremental; give both, or neither")
    if options.incremental and options.overwrite:
        raise ValueError("--incremental adds to an output and --overwrite replaces it; to replace it give --rebuild")
    if options.compact_above is None:
        return
    if options.no_wait:
        raise ValueError("--compact-above works after the run, for which --no-wait does not wait; leave one out")
    if not 0 <= options.compact_above <= 100:
        raise ValueError(f"--compact-above is {options.compact_above:g}: give a percentage from 0 to 100")


def _check_limits(options: EmbedOptions) -> None:
    if options.max_failures is not None:
        parse_share_limit(options.max_failures, flag="--max-failures")
    parse_share_limit(options.max_deletions, flag="--max-deletions")
    if options.max_deletions != DEFAULT_MAX_DELETIONS and not options.full_snapshot:
        raise ValueError("--max-deletions works only with --full-snapshot, which alone deletes; give both, or neither")
