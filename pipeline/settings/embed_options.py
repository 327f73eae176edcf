"""`EmbedOptions`: the options of `albert-embed embed`, checked when they are built."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, get_args

from albert_embed.model.architecture.vector_shape import VectorShape
from albert_embed.model.hosting.choose_engine import ENGINES, EngineName, refuse_engine_s_lack
from albert_embed.pipeline.settings.choices import check_choice, check_choices, check_sha256
from albert_embed.pipeline.settings.deletion_limit import DEFAULT_MAX_DELETIONS
from albert_embed.pipeline.settings.field_type import FieldType
from albert_embed.pipeline.settings.kept_fields import RESERVED_FOR_DOCUMENTS, list_kept_fields, parse_kept_fields
from albert_embed.pipeline.settings.share_limit import ShareLimit, parse_share_limit
from albert_embed.pipeline.settings.table_name import TableName, names_table
from albert_embed.transforms.steps.failure import TEXT_START_BYTES

Encoding = Literal["float_list", "float32_bytes", "float16_bytes", "int8", "binary"]
QUANTIZED = ("int8", "binary")  # of the encodings, those that store integers
# The names of `pipeline.sources.registry`, and that of tables.
STANDARD_INPUT = "-"  # in `--input`
FORMATS = ("text", "jsonl", "json", "csv", "tsv", "parquet", "tfrecord", "avro", "files", "bigquery")
SINKS = ("tfrecord", "parquet", "bigquery")
BIGQUERY_METHODS = ("file_loads", "storage_write")
VECTOR_INDEX = ("print", "run")
GPU_POOLS = ("whole", "inference")
DOCUMENT = "document"
EMBEDDING_NAMES = ("pooled", "sequence", "mean", "sentence", DOCUMENT)
ENCODINGS: tuple[str, ...] = get_args(Encoding)
# Enough for a long document in a field; a quote that is never closed costs a look at that many lines and no more.
DEFAULT_CSV_MAX_LINES = 10_000
LONG_DOCUMENTS = ("truncate", "window", "reject")


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmbedOptions:
    """What to embed, with what, and where the result goes.

    Attributes:
      model: directory or TF Hub handle.
      model_sha256: the fingerprint that the model must have; None takes any.
      input: paths or globs, or tables as `bq:PROJECT:DATASET.TABLE`.
      query: a query of BigQuery whose result is the input, instead.
      output: the directory to write; may be empty where there is a table: then everything but the rows goes below
        Beam's `--temp_location`.
      table: the table of BigQuery to write, `bq:PROJECT:DATASET.TABLE`.
      format: the format of the files; None finds it out from them, before the run.
      csv_max_lines: maximum lines of a record of CSV.
      include_hidden: whether files whose names start with "." or "_" are read, too.
      text_field, id_field, pair_field: fields of the records; `id_field` None means "id" where it is there, else a hash
        of the content.
      keep_fields: fields that travel to the output, `NAME[:TYPE]` or `NAME AS COLUMN[:TYPE]`.
      failure_text: how many bytes of a document's text a failure may hold; with 0, not its error either.
      max_failures: maximum failures of a run, `N` or `P%` of its documents; None means any number.
      embeddings: which of pooled, sequence, mean, sentence and document; the last is a row for each document.
      sinks: what is written: tfrecord and parquet to the directory, of which readers use the first; bigquery to the
        table.
      bigquery_method: how rows get into the table: by load jobs (file_loads) or by the Storage Write API.
      vector_index: after loading the table, `print` the statement that makes a vector index, or `run` it.
      encoding: how embeddings are written.
      dimensions: how many values of each vector are written, the first ones; None means all.
      accept_dimensions: whether to cut vectors of a model that is not known to be trained for it.
      normalize: whether each vector is scaled to length 1.
      tokens: whether to write each token's piece and the bytes of the text that it came from.
      max_tokens: maximum tokens per row, [CLS] and [SEP] included; None means 512, or fewer where the model has fewer
        positions.
      long_documents: truncate, window or reject.
      window_overlap: tokens that consecutive windows share.
      batch_tokens: maximum padded tokens per batch; None chooses by the device.
      engine: what executes the model: tensorflow, openvino, jax or auto.
      worker_threads: how many threads each worker process uses for a batch; None shares the cores among them.
      shared_filesystem: whether workers on other machines see the local paths of this one.
      transform: a saved transform graph to use.
      index: whether the output gets an index for search (`pipeline.commit.stage_index`).
      overwrite: whether an existing output may be replaced.
      incremental: whether the run adds to an existing output, embedding only what is new or changed.
      rebuild: with `incremental`: embeds everything and replaces what is there.
      full_snapshot: with `incremental`: deletes documents from the output that the input lacks.
      max_deletions: with `full_snapshot`, maximum documents to delete, `N` or `P%` of those that the output holds.
      compact_above: with `incremental`, the percentage of dead rows above which the output is compacted after the run;
        None means never.
      gpu: GPUs that Dataflow's workers get, `TYPE[:COUNT]` (`pipeline.launch.gpu_request`); None means none.
      gpu_pool: which workers get them: all (`whole`), or those that run the model (`inference`).
      shard_seconds, shard_bytes: a shard is finished at this age or size; None means the defaults of
        `pipeline.writers.write_shards`.
      retain: how many versions before the new one stay readable.
      no_wait: whether the program ends once the job is submitted.

    Raises:
      ValueError: if an option is out of its range or contradicts another; the message says what to give.
    """

    model: str
    input: tuple[str, ...]
    output: str
    format: str | None = None
    csv_max_lines: int = DEFAULT_CSV_MAX_LINES
    include_hidden: bool = False
    text_field: str = "text"
    id_field: str | None = None
    pair_field: str | None = None
    keep_fields: tuple[str, ...] = ()
    max_failures: str | None = None
    failure_text: int = TEXT_START_BYTES
    model_sha256: str | None = None
    query: str | None = None
    embeddings: tuple[str, ...] = ("pooled",)
    sinks: tuple[str, ...] = ("tfrecord",)
    encoding: Encoding = "float_list"
    dimensions: int | None = None
    accept_dimensions: bool = False
    normalize: bool = False
    tokens: bool = False
    max_tokens: int | None = None
    long_documents: str = "truncate"
    window_overlap: int = 64
    batch_tokens: int | None = None
    engine: EngineName = "tensorflow"
    worker_threads: int | None = None
    shared_filesystem: bool = False
    transform: str | None = None
    index: bool = False
    overwrite: bool = False
    incremental: bool = False
    rebuild: bool = False
    full_snapshot: bool = False
    max_deletions: str = DEFAULT_MAX_DELETIONS
    compact_above: float | None = None
    table: str | None = None
    bigquery_method: str = "file_loads"
    vector_index: str | None = None
    gpu: str | None = None
    gpu_pool: str = "whole"
    shard_seconds: float | None = None
    shard_bytes: int | None = None
    retain: int = 0
    no_wait: bool = False

    def __post_init__(self) -> None:
        self._check_outputs()
        if self.query is not None and (self.input or self.format not in (None, "bigquery")):
            raise ValueError("--query is an input of its own, of format bigquery; leave out --input and --format")
        if not self.input and not self.query:
            raise ValueError("--input names no files; give at least one path or pattern, or a --query for BigQuery")
        if "" in self.input:
            raise ValueError("--input has an empty path; is a variable of the shell not set?")
        if STANDARD_INPUT in self.input:
            if len(self.input) > 1:
                raise ValueError("--input - reads standard input, which can't be read beside files; give it alone")
            if self.incremental:
                raise ValueError(
                    "--input - can't be read with --incremental, which must know where each document comes from; copy "
                    "the content to a file, and give that"
                )
        if self.format is not None:
            check_choice("--format", self.format, FORMATS)
        check_choice("--encoding", self.encoding, ENCODINGS)
        check_choice("--engine", self.engine, ENGINES)
        refuse_engine_s_lack(self.engine, self.embeddings)
        check_choice("--long-documents", self.long_documents, LONG_DOCUMENTS)
        check_sha256("--model-sha256", self.model_sha256)
        if not 0 <= self.failure_text <= TEXT_START_BYTES:
            raise ValueError(f"--failure-text must lie between 0 and {TEXT_START_BYTES}, not {self.failure_text}")
        check_choice("--gpu-pool", self.gpu_pool, GPU_POOLS)
        if self.gpu is None and self.gpu_pool != "whole":
            raise ValueError(
                f"--gpu-pool {self.gpu_pool} is about the workers that --gpu asks for; give both, or neither"
            )
        check_choices("--embeddings", self.embeddings, EMBEDDING_NAMES)
        if DOCUMENT in self.embeddings and self.table is not None:
            raise ValueError(
                "--embeddings document writes files, not tables: leave the table out of --output, or document out of "
                "--embeddings; in a table, a query can compute the mean of a document's windows"
            )
        for name, value in (
            ("--csv-max-lines", self.csv_max_lines),
            ("--max-tokens", self.max_tokens),
            ("--batch-tokens", self.batch_tokens),
            ("--worker-threads", self.worker_threads),
            ("--dimensions", self.dimensions),
            ("--shard-bytes", self.shard_bytes),
        ):
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        compacts = self.compact_above is not None
        needing = {"--rebuild": self.rebuild, "--full-snapshot": self.full_snapshot, "--compact-above": compacts}
        for name, given in needing.items():
            if given and not self.incremental:
                raise ValueError(f"{name} works only with --incremental; give both, or neither")
        if self.accept_dimensions and self.dimensions is None:
            raise ValueError("--accept-dimensions works only with --dimensions; give both, or neither")
        if self.incremental and self.overwrite:
            raise ValueError(
                "--incremental adds to an output and --overwrite replaces it; to replace it give --rebuild"
            )
        if self.retain < 0:
            raise ValueError(f"--retain must be at least 0, not {self.retain}")
        if self.no_wait and self.compact_above is not None:
            raise ValueError("--compact-above works after the run, for which --no-wait does not wait; leave one out")
        if self.shard_seconds is not None and not self.shard_seconds > 0:
            raise ValueError(f"--shard-seconds must be more than 0, not {self.shard_seconds}")
        for field in list_kept_fields(self.keep_fields):
            if DOCUMENT in self.embeddings and field.column in RESERVED_FOR_DOCUMENTS:
                field.refuse()
        if self.reads_table:
            if self.format not in (None, "bigquery"):
                raise ValueError(f"--format is {self.format}, but --input names a table; leave --format out")
            for name in self.input:
                TableName.parse(name)
        if self.max_failures is not None:
            parse_share_limit(self.max_failures, flag="--max-failures")
        parse_share_limit(self.max_deletions, flag="--max-deletions")
        if self.max_deletions != DEFAULT_MAX_DELETIONS and not self.full_snapshot:
            raise ValueError(
                "--max-deletions works only with --full-snapshot, which alone deletes; give both, or neither"
            )
        if self.compact_above is not None and not 0 <= self.compact_above <= 100:
            raise ValueError(f"--compact-above is {self.compact_above:g}: give a percentage from 0 to 100")

    def _check_outputs(self) -> None:
        check_choices("--sink", self.sinks, SINKS)
        files = [name for name in self.sinks if name != "bigquery"]
        if self.table is not None:
            TableName.parse(self.table)
        if not self.output and self.table is None:
            raise ValueError("--output names nothing; give a directory, a table as bq:PROJECT:DATASET.TABLE, or both")
        if not self.output and files:
            raise ValueError(f"--sink {','.join(files)} writes files: give --output a directory beside the table")
        if self.table is None and "bigquery" in self.sinks:
            raise ValueError("--sink bigquery needs a table: give --output bq:PROJECT:DATASET.TABLE")
        if self.table is not None and "bigquery" not in self.sinks:
            raise ValueError(f"--output names {self.table}, but --sink has no bigquery; add it, or leave the table out")
        if self.table is not None and self.incremental and not files:
            raise ValueError(
                "--incremental needs files to see what has been embedded: give --output a directory, and --sink "
                "tfrecord or parquet, beside the table"
            )
        if self.index and not (files and set(self.embeddings) - {"sequence"}):
            raise ValueError(
                "--index is of files with a vector for each row: give --sink tfrecord or parquet, and --embeddings mean"
            )
        check_choice("--bigquery-method", self.bigquery_method, BIGQUERY_METHODS)
        if self.vector_index is not None:
            check_choice("--vector-index", self.vector_index, VECTOR_INDEX)
            if self.table is None or not {"pooled", "mean", "sentence"} & set(self.embeddings):
                raise ValueError(
                    "--vector-index is about vectors in a table: give --output bq:PROJECT:DATASET.TABLE, and pooled, "
                    "mean or sentence among the --embeddings"
                )
            if self.encoding in QUANTIZED:
                raise ValueError(
                    f"--vector-index: BigQuery searches ARRAY<FLOAT64>, and --encoding {self.encoding} writes BYTES; "
                    "give another --encoding, or leave --vector-index out"
                )

    @property
    def reads_standard_input(self) -> bool:
        """Whether the input is what is piped into the command."""
        return self.input == (STANDARD_INPUT,)

    @property
    def reads_table(self) -> bool:
        """Whether the input is BigQuery's: tables, or a query."""
        return self.format == "bigquery" or self.query is not None or any(map(names_table, self.input))

    @property
    def row_embeddings(self) -> tuple[str, ...]:
        """The embeddings that are written with each row, a document's or a window's."""
        return tuple(name for name in self.embeddings if name != DOCUMENT)

    @property
    def computed_embeddings(self) -> tuple[str, ...]:
        """The embeddings that the model computes: a document's vector is made from its windows' means."""
        mean = ("mean",) if DOCUMENT in self.embeddings and "mean" not in self.embeddings else ()
        return (*self.row_embeddings, *mean)

    @property
    def vector_shape(self) -> VectorShape:
        """What becomes of the vectors that the model gives."""
        return VectorShape(dimensions=self.dimensions, normalize=self.normalize)

    @property
    def kept_fields(self) -> dict[str, FieldType]:
        """`keep_fields` as name → type."""
        return parse_kept_fields(self.keep_fields)

    @property
    def failure_limit(self) -> ShareLimit:
        """`max_failures`, or all documents."""
        return parse_share_limit("100%" if self.max_failures is None else self.max_failures, flag="--max-failures")

    @property
    def deletion_limit(self) -> ShareLimit:
        """`max_deletions`, parsed."""
        return parse_share_limit(self.max_deletions, flag="--max-deletions")

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values, for the manifest."""
        return dataclasses.asdict(self)
