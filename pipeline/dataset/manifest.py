"""`Manifest`: what a version of a dataset holds."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Mapping
from typing import Any

from albert_embed.pipeline.dataset.generation import DocumentCounts, Generation
from albert_embed.pipeline.dataset.layout import FOLDERS
from albert_embed.pipeline.dataset.measurements import Measurements
from albert_embed.pipeline.dataset.provenance import ModelProvenance, Provenance, TransformProvenance
from albert_embed.pipeline.dataset.search_index import SearchIndex
from albert_embed.pipeline.dataset.table_load import TableLoad
from albert_embed.pipeline.formats.row_schema import RowSchema
from albert_embed.pipeline.settings.kept_fields import parse_kept_fields
from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.shards.row_counts import RowCounts

FORMAT_VERSION = 2
# The fields of a manifest that list files.
FILE_LISTS = tuple(FOLDERS)


def stamp_now() -> str:
    """Returns the time of now as `created` has it: UTC, ISO 8601, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


@dataclasses.dataclass(frozen=True, kw_only=True)
class OutputCounts(RowCounts):
    """What a dataset holds: its live rows, and the failures of the last run.

    Attributes:
      failures: documents and windows that the last run could not embed.
      document_rows: rows of documents, where documents have vectors of their own; else None.
    """

    failures: int = 0
    document_rows: int | None = None

    @property
    def row_counts(self) -> RowCounts:
        """The counts of the rows alone."""
        return RowCounts(documents=self.documents, rows=self.rows, tokens=self.tokens, truncated=self.truncated)

    def to_dict(self) -> dict[str, int]:
        """Returns plain values for JSON, without `document_rows` where documents have no vectors."""
        return {name: count for name, count in dataclasses.asdict(self).items() if count is not None}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manifest(Provenance):
    """The content of `_versions/N.json`: what the rows of a dataset were made with, and what it holds.

    Attributes:
      created: when it was published, UTC, ISO 8601.
      counts: what the dataset holds.
      failures_by_reason: "stage: reason" → how many.
      shards: the data files. Where there are several formats, each holds every row, and those of the first sink come
        first.
      index_shards: which rows each shard holds (`pipeline.shards.shard_index`).
      document_shards: the files of documents' vectors (`--embeddings document`), like `shards`.
      tombstone_shards: which documents' rows in earlier generations are dead (`pipeline.incremental`). The counts are
        without those rows.
      failure_shards: the failures files.
      measured: the measurements of the last run.
      versions: of this program and the libraries that shape the result, as the workers have them.
      generation: the number of this version, from 1; 0 until it is published.
      run: the name of the run that made it (`pipeline.commit.run_name`); empty until it is known.
      bigquery: what the run loaded into a table; None where there is no table, or it is not loaded yet.
      pending_table: the table that rows of this version are still to be loaded into; None where there is none.
      generations: the runs that the dataset consists of.
      search_index: of its embeddings, made for this version or an earlier one; None where there is none.
      search_index_files: the file of the index, if there is one.
      changes: for an `--incremental` run, how many documents it found of each kind; else None.
      retain: how many versions before this one stay readable; later runs keep as many, unless they are told otherwise.
    """

    created: str
    counts: OutputCounts
    failures_by_reason: dict[str, int]
    shards: list[DataFile]
    index_shards: list[DataFile]
    failure_shards: list[DataFile]
    measured: Measurements
    versions: dict[str, str]
    generation: int = 0
    run: str = ""
    bigquery: TableLoad | None = None
    pending_table: str | None = None
    document_shards: list[DataFile] = dataclasses.field(default_factory=list)
    tombstone_shards: list[DataFile] = dataclasses.field(default_factory=list)
    generations: list[Generation] = dataclasses.field(default_factory=list)
    search_index: SearchIndex | None = None
    search_index_files: list[DataFile] = dataclasses.field(default_factory=list)
    changes: DocumentCounts | None = None
    retain: int = 0
    format_version: int = FORMAT_VERSION

    @property
    def files(self) -> list[DataFile]:
        """All files that it names."""
        return [file for name in FILE_LISTS for file in getattr(self, name)]

    @property
    def dead_rows(self) -> int:
        """How many rows of the data files later runs have superseded; readers of other programs see them."""
        return sum(generation.dead.rows for generation in self.generations)

    @property
    def dead_share(self) -> float:
        """The share of dead rows among all rows of the data files; 0.0 where there are no rows."""
        rows = self.counts.rows + self.dead_rows
        return self.dead_rows / rows if rows else 0.0

    @property
    def has_current_index(self) -> bool:
        """Whether its index is of this version."""
        return self.search_index is not None and self.search_index.version == self.generation

    @property
    def row_schema(self) -> RowSchema:
        """The schema of the rows of windows."""
        return RowSchema(
            embeddings=tuple(self.embeddings),
            hidden_size=self.hidden_size,
            sentence_size=self.sentence_size,
            dimensions=self.dimensions,
            encoding=self.encoding,
            kept=parse_kept_fields(tuple(self.options.get("keep_fields", ()))),
            tokens=bool(self.options.get("tokens")),
        )

    def to_json(self) -> str:
        """Returns JSON text."""
        return json.dumps(self.to_dict(), indent=2) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return {
            **dataclasses.asdict(self),
            **{name: [file.to_dict() for file in getattr(self, name)] for name in FILE_LISTS},
            "counts": self.counts.to_dict(),
            "model": self.model.to_dict(),
            "measured": self.measured.to_dict(),
            "changes": {} if self.changes is None else dataclasses.asdict(self.changes),
        }

    @staticmethod
    def from_dict(fields: Mapping[str, Any]) -> Manifest:
        """Returns the manifest that these plain values describe.

        Raises:
          KeyError, TypeError: if a field is missing or unknown.
        """
        # Of versions that were written before these were known.
        retain = fields["options"].get("retain") or 0
        fields = {"search_index": None, "search_index_files": [], "retain": retain, **fields}
        files = {name: [DataFile(**file) for file in fields[name]] for name in FILE_LISTS}
        typed = {
            "counts": OutputCounts(**fields["counts"]),
            "model": ModelProvenance(**fields["model"]),
            "transform": TransformProvenance(**fields["transform"]),
            "measured": Measurements.from_dict(fields["measured"]),
            "bigquery": None if fields["bigquery"] is None else TableLoad.from_dict(fields["bigquery"]),
            "generations": [Generation.from_dict(generation) for generation in fields["generations"]],
            "search_index": None if fields["search_index"] is None else SearchIndex(**fields["search_index"]),
            "changes": DocumentCounts(**fields["changes"]) if fields["changes"] else None,
        }
        return Manifest(**{**fields, **files, **typed})
