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

    Attempts at the same time do each other no harm: each has staging tables of its own, the merge changes nothing the
    second time, and one that comes too late merges nothing.

    Args:
      directory: the dataset's.
      plan: of the version.

    Raises:
      TableLoadError: if a job fails. The version is published; `albert-embed publish` tries again.
    """
    manifest = _read_pending(directory, plan)
    if manifest is None:
        return
    tombstones = [file.path for file in manifest.tombstone_shards if file.generation == manifest.generation]
    table = _open_table(manifest)

    def refuse_late_attempt() -> None:
        if _read_pending(directory, plan) is None:
            raise TableLoadError("another attempt has loaded these rows meanwhile")

    try:
        table.locate()
        loaded = table.load(
            [FileSystems.join(directory, path) for path in plan.load_files],
            [FileSystems.join(directory, path) for path in tombstones],
            check=refuse_late_attempt,
        )
        logger.info("%d rows are in %s", loaded.rows, loaded.table)
        loaded = _index_vectors(table, loaded, manifest)
    except TableLoadError as e:
        if _read_pending(directory, plan) is None:  # another attempt has done it, and dropped what this one needed
            logger.info("another attempt has loaded the rows of version %d: %s", manifest.generation, e)
            return
        raise TableLoadError(
            f"version {manifest.generation} of {directory} is published, but its rows are not in the table: {e}. Once "
            f"the cause is gone, run `albert-embed publish {shlex.quote(directory)}`"
        ) from e
    if _read_pending(directory, plan) is not None:
        replace_version(directory, dataclasses.replace(manifest, bigquery=loaded, pending_table=None))
    table.drop_staging_tables()


def _read_pending(directory: str, plan: Plan) -> Manifest | None:
    """Reads the version of a plan; None if its rows are in the table, or later versions have come since."""
    try:
        manifest = read_version(directory, plan.manifest.generation)
    except FileNotFoundError:
        return None
    return None if manifest.pending_table is None else manifest


def _open_table(manifest: Manifest) -> TableOutput:
    return TableOutput(
        TableName.parse(manifest.options["table"]),
        TableLayout(rows=manifest.row_schema),
        staging_name=manifest.run.rpartition("-")[2],
        method=manifest.options["bigquery_method"],
    )


def _index_vectors(table: TableOutput, loaded: TableLoad, manifest: Manifest) -> TableLoad:
    wanted = manifest.options["vector_index"]
    if wanted is None:
        return loaded
    return dataclasses.replace(loaded, vector_indexes=table.index_vectors(run=wanted == "run"))
