"""`load_pending`: loads the rows of a published version into its table, and says so in the version."""

from __future__ import annotations

import dataclasses
import logging
import shlex

from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.bigquery.table_jobs import TableLoadError
from albert_embed.pipeline.bigquery.table_layout import TableLayout
from albert_embed.pipeline.bigquery.table_output import TableOutput
from albert_embed.pipeline.commit.plan import Plan
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.table_load import TableLoad
from albert_embed.pipeline.dataset.versions import read_version, replace_version
from albert_embed.pipeline.settings.table_name import TableName

logger = logging.getLogger(__name__)


def load_pending(directory: str, plan: Plan) -> None:
    """Loads what the plan of a published version says, unless that is done.

    Args:
      directory: the dataset's.
      plan: of the version.

    Raises:
      TableLoadError: if a job fails. The version is published; `albert-embed publish` tries again.
    """
    manifest = read_version(directory, plan.manifest.generation)
    if manifest.pending_table is None:
        return
    tombstones = [file.path for file in manifest.tombstone_shards if file.generation == manifest.generation]
    try:
        loaded = _load(
            manifest,
            [FileSystems.join(directory, path) for path in plan.load_files],
            [FileSystems.join(directory, path) for path in tombstones],
        )
    except TableLoadError as e:
        raise TableLoadError(
            f"version {manifest.generation} of {directory} is published, but its rows are not in the table: {e}. Once "
            f"the cause is gone, run `albert-embed publish {shlex.quote(directory)}`"
        ) from e
    replace_version(directory, dataclasses.replace(manifest, bigquery=loaded, pending_table=None))


def _load(manifest: Manifest, paths: list[str], tombstones: list[str]) -> TableLoad:
    options = manifest.options
    table = TableOutput(
        TableName.parse(options["table"]),
        TableLayout(rows=manifest.row_schema),
        staging_name=manifest.run.rpartition("-")[2],
        method=options["bigquery_method"],
    )
    table.locate()
    loaded = table.load(paths, tombstones)
    logger.info("%d rows are in %s", loaded.rows, loaded.table)
    if options["vector_index"] is None:
        return loaded
    indexes = table.index_vectors(run=options["vector_index"] == "run")
    return dataclasses.replace(loaded, vector_indexes=indexes)
