"""`TableSink`: everything that a run needs to write to a table: its load files, its checks, and the steps after it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any

import apache_beam as beam

from albert_embed.model.directory.model_directory import ModelDirectory
from albert_embed.pipeline.bigquery.load_format import LoadFormat
from albert_embed.pipeline.bigquery.table_layout import TableLayout
from albert_embed.pipeline.bigquery.table_output import TableOutput
from albert_embed.pipeline.bigquery.table_rows import MAX_ROW_BYTES, check_rows
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.formats.row_format import WritableFormat
from albert_embed.pipeline.formats.row_schema import RowSchema
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.table_name import TableName
from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.steps.map_or_fail import MapOrFail
from albert_embed.transforms.text.vocabulary import Vocabulary


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckedRows:
    """Rows on their way to a table.

    Attributes:
      rows: those that it can hold.
      failures: of the others; none where every row is taken.
      counts: `BundleCounts` of the check.
    """

    rows: beam.PCollection[Any]
    failures: tuple[beam.PCollection[Any], ...]
    counts: tuple[beam.PCollection[Any], ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableSink:
    """The table of a run.

    Attributes:
      output: the table itself.
      format: the format of its load files.
      max_row_bytes: maximum bytes per row.
    """

    output: TableOutput
    format: LoadFormat
    max_row_bytes: int

    @property
    def formats(self) -> Sequence[WritableFormat]:
        """The formats in which each shard is written for the table."""
        return (self.format,)

    def check(self) -> None:
        """Checks whether the rows will fit; raises ValueError if they will not (`TableOutput.check`)."""
        self.output.check()

    def check_rows(self, rows: beam.PCollection[Any]) -> CheckedRows:
        """Returns the rows that the table can hold, and the failures of the others."""
        checked = rows | "CheckTableRows" >> make_check_rows(self.format.layout, self.max_row_bytes)
        return CheckedRows(rows=checked.passed, failures=(checked.failures,), counts=(checked.counts,))

    def check_added_to(self, previous: Manifest) -> None:
        """Raises ValueError if the table lacks the rows of the output that an incremental run adds to."""
        held = None if previous.bigquery is None else previous.bigquery.table
        if held != str(self.output.table):
            raise ValueError(
                f"{self.output.table.option} lacks the rows of the output's earlier runs, which wrote to "
                f"{held or 'no table'}; give that, or --rebuild to embed everything again"
            )


class NoTable:
    """Takes the place of the table in a run that writes to none."""

    formats: Sequence[WritableFormat] = ()

    def check(self) -> None:
        """Does nothing: there is nothing to fit into."""

    def check_rows(self, rows: beam.PCollection[Any]) -> CheckedRows:
        return CheckedRows(rows=rows, failures=(), counts=())

    def check_added_to(self, previous: Manifest) -> None:
        """Does nothing: there is nothing that could lack rows."""


def make_table_sink(
    options: EmbedOptions,
    rows: RowSchema,
    model: ModelDirectory,
    vocabulary: Vocabulary,
    preprocessing: PreprocessingConfig,
) -> TableSink | NoTable:
    """Returns the table that `options` name, connected.

    Raises:
      ValueError: if a kept field can't be a column, or there are no credentials.
    """
    if options.table is None:
        return NoTable()
    layout = TableLayout(rows=rows)
    # Without the versions of libraries: a new version does not replace every row of the table.
    provenance = {
        "model": model.fingerprint,
        "preprocessing": dataclasses.asdict(preprocessing),
        "stored": options.encoding if rows.vector_encoding.is_quantized else None,  # the others give the same floats
        "dimensions": options.dimensions,
        "normalize": options.normalize,
    }
    return TableSink(
        output=TableOutput(
            TableName.parse(options.table),
            layout,
            staging_name=uuid.uuid4().hex,
            method=options.bigquery_method,
        ),
        max_row_bytes=MAX_ROW_BYTES[options.bigquery_method],
        format=LoadFormat(
            layout=layout,
            pieces=vocabulary.pieces if layout.has_tokens else (),
            fingerprint=_fingerprint({**provenance, "embeddings": options.embeddings, "tokens": options.tokens}),
        ),
    )


def _fingerprint(of: dict[str, Any]) -> str:
    """Returns the SHA-256 of some values, in hexadecimal digits."""
    return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()


def make_check_rows(layout: TableLayout, max_row_bytes: int) -> MapOrFail:
    """Makes a step of `check_rows`."""
    return MapOrFail(partial(check_rows, layout=layout, max_row_bytes=max_row_bytes))
