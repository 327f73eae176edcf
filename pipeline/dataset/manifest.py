"""`Manifest`: what a finished output holds. It is written last, so a directory without it is not finished."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.storage.output_error import OutputError

MANIFEST_FILE = "manifest.json"
FORMAT_VERSION = 2
# The fields of a manifest that list files.
FILE_LISTS = ("shards", "index_shards", "document_shards", "tombstone_shards", "failure_shards")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manifest:
    """What `manifest.json` says.

    Attributes:
      created: when it was published, UTC, ISO 8601.
      counts: `documents`, `rows`, `tokens`, `truncated`, `failures`; `document_rows` where documents have vectors of
        their own.
      failures_by_reason: "stage: reason" → how many.
      shards: the data files. Where there are several formats, each holds every row, and those of the first sink come
        first.
      index_shards: which rows each shard holds (`pipeline.shards.shard_index`).
      document_shards: the files of documents' vectors (`--embeddings document`), like `shards`.
      failure_shards: the failures files.
      embeddings: the embedding columns, such as `pooled_output`.
      hidden_size: width of an embedding.
      encoding: how embeddings are written (`pipeline.formats.tf_examples`); in Parquet `float16_bytes` is float16.
      model: its `name`, `fingerprint`, `precision`, `lower_case` and `vocabulary_fingerprint`.
      transform: its `fingerprint` and `options`.
      options: the options of the run.
      measured: seconds, rates and fill of the run.
      versions: of this program and the libraries that shape the result.
      generation: how often the output has been replaced or added to; from the second version on it is in the names of
        the files.
      bigquery: what the run loaded into a table (`pipeline.bigquery.table_output.TableLoad`, and `vector_indexes`);
        None where there is no table.
      tombstone_shards: which documents' rows in earlier generations are dead (`pipeline.incremental`).
        The counts are without those rows.
      generations: the runs that the output consists of: of each its `number`, when it was `created`, the `counts` of
        its rows, and `dead`, the counts of those that it superseded.
      changes: of an `--incremental` run, how many documents were what
        (`pipeline.incremental.compare_documents.DocumentCounts`).
    """

    created: str
    counts: dict[str, int]
    failures_by_reason: dict[str, int]
    shards: list[DataFile]
    index_shards: list[DataFile]
    failure_shards: list[DataFile]
    embeddings: list[str]
    hidden_size: int
    encoding: str
    model: dict[str, Any]
    transform: dict[str, Any]
    options: dict[str, Any]
    measured: dict[str, Any]
    versions: dict[str, str]
    generation: int = 0
    bigquery: dict[str, Any] | None = None
    document_shards: list[DataFile] = dataclasses.field(default_factory=list)
    tombstone_shards: list[DataFile] = dataclasses.field(default_factory=list)
    generations: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    changes: dict[str, int] = dataclasses.field(default_factory=dict)
    format_version: int = FORMAT_VERSION

    def to_json(self) -> str:
        """As JSON text."""
        return json.dumps(self.to_dict(), indent=2) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        files = {name: [file.to_dict() for file in getattr(self, name)] for name in FILE_LISTS}
        return {**dataclasses.asdict(self), **files}

    @staticmethod
    def from_dict(fields: Mapping[str, Any]) -> Manifest:
        """What `to_dict` made.

        Raises:
          TypeError: where a field is missing or unknown.
        """
        files = {name: [DataFile(**file) for file in fields[name]] for name in FILE_LISTS if name in fields}
        return Manifest(**{**fields, **files})


def read_manifest(directory: str) -> Manifest:
    """The manifest of the finished output in `directory`.

    Raises:
      OutputError: where there is none, or it is not of this program.
    """
    path = FileSystems.join(directory, MANIFEST_FILE)
    if not FileSystems.exists(path):
        raise OutputError(
            f"{directory} holds no {MANIFEST_FILE}: it is not a finished output. The manifest is written last; if "
            "a run was cut off, run the same command again."
        )
    with FileSystems.open(path) as file:
        content = file.read()
    try:
        fields = json.loads(content)
        if fields["format_version"] != FORMAT_VERSION:
            raise OutputError(
                f"{path} has format_version {fields['format_version']}, this program reads {FORMAT_VERSION}"
            )
        return Manifest.from_dict(fields)
    except (json.JSONDecodeError, KeyError, TypeError) as e:
        raise OutputError(f"{path} is not a manifest of this program: {e!r}") from e
