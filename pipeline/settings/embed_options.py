"""`EmbedOptions`: the options of `albert-embed embed`, checked when they are built."""

from __future__ import annotations

import dataclasses
from typing import Any

from albert_embed.model.architecture.vector_shape import VectorShape
from albert_embed.model.hosting.choose_engine import EngineName
from albert_embed.pipeline.settings.check_embed_options import check_embed_options
from albert_embed.pipeline.settings.embed_choices import BIGQUERY, DOCUMENT, STANDARD_INPUT, Encoding
from albert_embed.pipeline.settings.field_type import FieldType
from albert_embed.pipeline.settings.kept_fields import parse_kept_fields
from albert_embed.pipeline.settings.run_limits import DEFAULT_MAX_DELETIONS, ShareLimit, parse_share_limit
from albert_embed.pipeline.settings.table_name import names_table
from albert_embed.transforms.graph.preprocessing_config import LongDocuments, PreprocessingConfig
from albert_embed.transforms.steps.failure import TEXT_START_BYTES

# Enough for a long document in a field; a quote that is never closed costs a look at that many lines and no more.
DEFAULT_CSV_MAX_LINES = 10_000


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
      max_tokens: maximum tokens per row, [CLS] and [SEP] included; None means 512, or what the model has.
      long_documents: truncate, window or reject.
      window_overlap: tokens that consecutive windows share.
      batch_tokens: maximum padded tokens per batch; None chooses by the device.
      engine: what executes the model: tensorflow, openvino, jax or auto.
      worker_threads, streams: threads of each worker process, and batches that it computes at once; None chooses.
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
      shard_seconds, shard_bytes: a shard is finished at this age or size; None means those of `write_shards`.
      retain: how many versions before the new one stay readable; None for as many as the last run of the output kept.
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
    long_documents: LongDocuments = "truncate"
    window_overlap: int = PreprocessingConfig.window_overlap
    batch_tokens: int | None = None
    engine: EngineName = "tensorflow"
    worker_threads: int | None = None
    streams: int | None = None
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
    retain: int | None = None
    no_wait: bool = False

    def __post_init__(self) -> None:
        check_embed_options(self)

    @property
    def reads_standard_input(self) -> bool:
        """Whether the input is what is piped into the command."""
        return self.input == (STANDARD_INPUT,)

    @property
    def reads_table(self) -> bool:
        """Whether the input is BigQuery's: tables, or a query."""
        return self.format == BIGQUERY or self.query is not None or any(map(names_table, self.input))

    @property
    def file_sinks(self) -> tuple[str, ...]:
        """The sinks that write files, in the order given."""
        return tuple(name for name in self.sinks if name != BIGQUERY)

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
