"""The flags of `albert-embed embed`."""

from __future__ import annotations

import dataclasses

from albert_embed.model.hosting.choose_engine import ENGINES
from albert_embed.pipeline.cli.retain import RETAIN
from albert_embed.pipeline.console.command import JSON
from albert_embed.pipeline.console.option import Kind, Option, Place
from albert_embed.pipeline.console.result_file import RESULT_FILE
from albert_embed.pipeline.dry_run.option import DRY_RUN
from albert_embed.pipeline.progress.option import PROGRESS
from albert_embed.pipeline.settings.embed_choices import (
    BIGQUERY_METHODS,
    EMBEDDING_NAMES,
    ENCODINGS,
    FORMATS,
    GPU_POOLS,
    SINKS,
    VECTOR_INDEX,
)
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.transforms.graph.preprocessing_config import LONG_DOCUMENTS

_DEFAULTS = {field.name: str(field.default) for field in dataclasses.fields(EmbedOptions)}

_MODEL_OPTIONS = (
    Option(flag="--model", place=Place.READ, required=True, metavar="M", help="an export, TF Hub handle or `default`"),
    Option(
        flag="--model-sha256",
        metavar="HEX",
        help="refuse the model, on every worker, unless this is its fingerprint, which inspect shows",
    ),
    Option(
        flag="--engine",
        metavar="ENGINE",
        choices=ENGINES,
        default=_DEFAULTS["engine"],
        help="what executes the model",
    ),
)
_RUNNING_OPTIONS = (
    Option(
        flag="--batch-tokens",
        type=int,
        metavar="N",
        default="1,024 on a CPU, 16,384 on a GPU",
        help="maximum padded tokens per batch",
    ),
    Option(
        flag="--worker-threads",
        type=int,
        metavar="N",
        default="the cores of a machine, shared among its worker processes",
        help="threads that each worker process uses for the model",
    ),
    Option(
        flag="--streams",
        type=int,
        metavar="N",
        default="2 on a CPU, one for every four cores from eight on; 1 on a GPU, 2 on each of several",
        help="batches computed at once, where one process of this machine does everything",
    ),
    Option(
        flag="--shared-filesystem",
        kind=Kind.SWITCH,
        help="workers on other machines see the local paths that are given, at the same places",
    ),
    Option(
        flag="--shard-seconds",
        type=float,
        metavar="S",
        default="300",
        help="finish a shard after this many seconds: a run that is killed loses no more than that",
    ),
    Option(flag="--shard-bytes", type=int, metavar="N", default="256 MiB", help="finish a shard when it is this large"),
    Option(
        flag="--no-wait",
        kind=Kind.SWITCH,
        help="submit the job and end: it publishes by itself. For runners that go on without this program",
    ),
)
_INPUT_OPTIONS = (
    Option(
        flag="--input",
        place=Place.READ,
        kind=Kind.WORDS,
        metavar="PATTERN",
        help="files, folders or globs, compressed or not; - for standard input; or a table as bq:PROJECT:DATASET.TABLE",
    ),
    Option(flag="--query", metavar="SQL", help="a BigQuery query whose result is the input, instead of --input"),
    Option(
        flag="--format",
        metavar="FORMAT",
        choices=FORMATS,
        default="guessed from the names of the files",
        help="the format of the files",
    ),
    Option(
        flag="--csv-max-lines",
        type=int,
        metavar="N",
        default=_DEFAULTS["csv_max_lines"],
        help="maximum lines of a record of CSV; a record with more has a quote that is never closed, and fails",
    ),
    Option(flag="--include-hidden", kind=Kind.SWITCH, help="read files whose names start with . or _, too"),
    Option(flag="--text-field", metavar="F", default=_DEFAULTS["text_field"], help="the field with the text"),
    Option(
        flag="--id-field",
        metavar="F",
        default="id where there is one, else a hash of the content",
        help="the field with the id",
    ),
    Option(flag="--pair-field", metavar="F", help="the field with the second text, where texts come in pairs"),
    Option(
        flag="--keep-fields",
        kind=Kind.COMMAS,
        metavar="LIST",
        help="comma-separated fields to copy to the output: NAME, NAME:TYPE or 'NAME AS COLUMN:TYPE', where TYPE is "
        "string, int64 or float, with [] after it for a list",
    ),
)
_TOKEN_OPTIONS = (
    Option(
        flag="--max-tokens",
        type=int,
        metavar="N",
        default="512, or fewer where the model has fewer positions",
        help="maximum tokens per row, [CLS] and [SEP] included",
    ),
    Option(
        flag="--long-documents",
        choices=LONG_DOCUMENTS,
        default=_DEFAULTS["long_documents"],
        help="what to do with a document that has more tokens",
    ),
    Option(
        flag="--window-overlap",
        type=int,
        metavar="N",
        default=_DEFAULTS["window_overlap"],
        help="tokens that neighbouring windows share",
    ),
    Option(flag="--transform", place=Place.READ, metavar="DIR", help="a saved transform graph, as analyze writes one"),
)
_OUTPUT_OPTIONS = (
    Option(
        flag="--output",
        place=Place.WRITTEN,
        required=True,
        kind=Kind.WORDS,
        metavar="DIR",
        help="the directory to publish in, a BigQuery table as bq:PROJECT:DATASET.TABLE, or both",
    ),
    Option(
        flag="--index",
        kind=Kind.SWITCH,
        help="publish the output with an index for search; an incremental run updates the one that is there",
    ),
    Option(flag="--overwrite", kind=Kind.SWITCH, help="replace what the output holds"),
    Option(
        flag="--embeddings",
        kind=Kind.COMMAS,
        metavar="LIST",
        choices=EMBEDDING_NAMES,
        default="pooled",
        help="which vectors to write, separated by commas",
    ),
    Option(
        flag="--sink",
        field="sinks",
        kind=Kind.COMMAS,
        metavar="LIST",
        choices=SINKS,
        default="tfrecord for a directory, bigquery for a table",
        help="what to write them as, separated by commas",
    ),
    Option(
        flag="--encoding",
        metavar="ENCODING",
        choices=ENCODINGS,
        default=_DEFAULTS["encoding"],
        help="how embeddings are stored: as floats of 32 or 16 bits, as int8 with a scale for each vector, or as bits",
    ),
    Option(
        flag="--dimensions",
        type=int,
        metavar="N",
        default="all",
        help="keep the first N values of each vector, where the model was trained for it",
    ),
    Option(
        flag="--accept-dimensions",
        kind=Kind.SWITCH,
        help="with --dimensions: cut vectors of a model that is not known to be trained for it",
    ),
    Option(flag="--normalize", kind=Kind.SWITCH, help="scale each vector to length 1, after --dimensions"),
    Option(
        flag="--tokens",
        kind=Kind.SWITCH,
        help="write each token's piece and the bytes of the text that it came from",
    ),
    RETAIN,
)
_BIGQUERY_OPTIONS = (
    Option(
        flag="--bigquery-method",
        metavar="METHOD",
        choices=BIGQUERY_METHODS,
        default=_DEFAULTS["bigquery_method"],
        help="how rows get into a table: by load jobs, or by the Storage Write API",
    ),
    Option(
        flag="--vector-index",
        bare="print",
        choices=VECTOR_INDEX,
        help="after loading a table, print the statement that makes a vector index (also where no value is given), or "
        "run it",
    ),
)
_INCREMENTAL_OPTIONS = (
    Option(
        flag="--incremental",
        kind=Kind.SWITCH,
        help="add to the output: embed only documents that are new or have changed",
    ),
    Option(
        flag="--rebuild",
        kind=Kind.SWITCH,
        help="with --incremental: embed everything and replace what the output holds",
    ),
    Option(
        flag="--full-snapshot",
        kind=Kind.SWITCH,
        help="with --incremental: the input is the whole corpus; delete documents from the output that it lacks",
    ),
    Option(
        flag="--max-deletions",
        metavar="N|P%",
        default=_DEFAULTS["max_deletions"],
        help="with --full-snapshot: publish nothing, and exit with status 3, if more documents would be deleted",
    ),
    Option(
        flag="--compact-above",
        type=float,
        metavar="PERCENT",
        default="never",
        help="with --incremental: compact the output after the run if more of its rows are dead",
    ),
)
_GPU_OPTIONS = (
    Option(
        flag="--gpu",
        metavar="TYPE[:COUNT]",
        help="GPUs of each worker on Dataflow, such as l4 or a100:2; sets what the workers need for them",
    ),
    Option(
        flag="--gpu-pool",
        choices=GPU_POOLS,
        default=_DEFAULTS["gpu_pool"],
        help="which workers get the GPUs: the whole pool, or those of the model's step alone (inference)",
    ),
)
_RESULT_OPTIONS = (
    DRY_RUN,
    Option(
        flag="--max-failures",
        metavar="N|P%",
        default="any number",
        help="publish nothing, and exit with status 3, if more documents fail",
    ),
    Option(
        flag="--failure-text",
        type=int,
        metavar="BYTES",
        default=_DEFAULTS["failure_text"],
        help="how much of a document's text its failure may hold; with 0, its error goes, too, as it may quote it",
    ),
    JSON,
    PROGRESS,
    RESULT_FILE,
)
OPTIONS = tuple(
    dataclasses.replace(option, group=group)
    for group, options in (
        ("input", _INPUT_OPTIONS),
        ("model", _MODEL_OPTIONS),
        ("from texts to tokens", _TOKEN_OPTIONS),
        ("output", _OUTPUT_OPTIONS),
        ("incremental runs", _INCREMENTAL_OPTIONS),
        ("BigQuery", _BIGQUERY_OPTIONS),
        ("running", _RUNNING_OPTIONS),
        ("Dataflow", _GPU_OPTIONS),
        ("result", _RESULT_OPTIONS),
    )
    for option in options
)
