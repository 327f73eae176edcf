"""`plan_run`: checks what a run has staged, and plans its commit."""

from __future__ import annotations

import dataclasses
import logging

from albert_embed.pipeline.bigquery.load_format import LOAD_FORMAT
from albert_embed.pipeline.commit.plan import Plan, make_plan
from albert_embed.pipeline.commit.publish import retain_versions
from albert_embed.pipeline.commit.stage_index import stage_index
from albert_embed.pipeline.dataset.layout import STAGING
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.versions import choose_retained, describe_conflict, find_latest_number, read_version
from albert_embed.pipeline.documents.count_fields import check_counted_fields
from albert_embed.pipeline.incremental.add_generation import add_generation, is_same_dataset
from albert_embed.pipeline.incremental.check_snapshot import check_snapshot
from albert_embed.pipeline.progress.display import LineDisplay
from albert_embed.pipeline.publication.commit_task import CommitTask
from albert_embed.pipeline.publication.run_manifest import make_manifest
from albert_embed.pipeline.publication.staged_run import StagedRun
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.settings.run_limits import check_deletions, check_failures
from albert_embed.pipeline.settings.search_options import IndexOptions
from albert_embed.pipeline.shards.shard import sort_shards

logger = logging.getLogger(__name__)


class UnchangedError(Exception):
    """A run has found nothing to add, so there is nothing to publish.

    Attributes:
      manifest: of the dataset, with the measurements of the run.
    """

    def __init__(self, manifest: Manifest) -> None:
        super().__init__("the dataset would be the same")
        self.manifest = manifest


def plan_run(staged: StagedRun, task: CommitTask) -> Plan:
    """Plans the commit of a run.

    Raises:
      UnchangedError: if there is nothing to publish.
      MissingFieldError, TooManyFailuresError, IncompleteSnapshotError, TooManyDeletionsError: if the run must not be
        published.
      VersionConflictError: if another run has published since this one began.
      MissingLibraryError: if there is to be an index, and the worker has not the library for it.
    """
    options = task.options
    _log(staged, task)
    latest = find_latest_number(task.directory)
    if latest > task.base:
        raise describe_conflict(task.directory, latest, read_version(task.directory, latest).run)
    base = task.read_base()
    previous = base if task.adds else None
    _check(staged, task, previous)
    retain = choose_retained(task.directory, options.retain, base)
    manifest = dataclasses.replace(make_manifest(staged, task), retain=retain)
    if previous is not None:
        tombstones = [written.file for written in staged.tombstones]
        manifest = add_generation(
            previous,
            manifest,
            tombstone_shards=tombstones,
            dead=staged.changes.dead,
            dead_vectors=staged.changes.dead_vectors,
        )
        indexed = not options.index or previous.has_current_index
        if is_same_dataset(previous, manifest) and indexed:
            retain_versions(task.directory, previous, retain)
            raise UnchangedError(manifest)
    manifest = _bring_index(manifest, task, base, previous)
    load_files = [
        f"{STAGING}/{shard.run}/{shard.data_file(LOAD_FORMAT)}"
        for shard in sort_shards(staged.shards)
        if LOAD_FORMAT in shard.file_bytes
    ]
    return make_plan(
        manifest,
        run=task.staging.run,
        generation=task.base + 1,
        schemas=task.schemas,
        load_files=load_files,
        dead_runs=task.dead_runs,
    )


def _bring_index(manifest: Manifest, task: CommitTask, base: Manifest | None, previous: Manifest | None) -> Manifest:
    """Returns the manifest with the index for search that the version gets, if any.

    Args:
      manifest: of the version.
      task: the commit.
      base: the version before, if there is one.
      previous: the same where this one adds to it, else None.
    """
    version, there = task.base + 1, manifest.search_index
    if previous is not None and previous.has_current_index and manifest.generations == previous.generations:
        assert there is not None
        return dataclasses.replace(manifest, search_index=dataclasses.replace(there, version=version))
    if task.options.index:
        # By one worker, before the plan is written: a step that is run again makes another.
        return stage_index(
            manifest,
            task.staging,
            version=version,
            options=IndexOptions(directory=task.directory),
            display=LineDisplay(),
            replaced=None if base is None else base.search_index,
        )
    if there is not None:
        logger.warning(
            "the index for search stays that of version %d, and will not be used; --index updates it, and so does "
            "`albert-embed index %s`",
            *(there.version, task.directory),
        )
    return manifest


def _log(staged: StagedRun, task: CommitTask) -> None:
    """Logs what a run has used again, and what it has found in comparison with the dataset."""
    reused = [shard for shard in staged.shards if shard.run != task.staging.run]
    if reused:
        rows = sum(shard.rows for shard in reused)
        logger.info("%d rows in %d shards of a run that was cut off are used again", rows, len(reused))
    if task.options.incremental:
        found = staged.changes.documents
        logger.info(
            "%d documents read: %d new, %d changed, %d unchanged, %d deleted, %d repeated, %d whose ids are not unique",
            *(found.read, found.new, found.changed, found.unchanged, found.deleted, found.repeated, found.not_unique),
        )
    if staged.changes.missing:
        logger.warning(
            "%d documents changed while the run read them; the next run will embed them", staged.changes.missing
        )


def _check(staged: StagedRun, task: CommitTask, previous: Manifest | None) -> None:
    options, changes = task.options, staged.changes.documents
    check_counted_fields(staged.counted.counts, RecordFields.of(options), lambda: task.known_fields)
    failures = staged.failure_counts
    check_failures(
        options.failure_limit,
        documents=staged.rows.documents + changes.unchanged,
        failures=failures,
        kept=task.staging.join("failures-*"),
    )
    if previous is not None and changes.deleted:
        check_snapshot(changes, failures, directory=task.directory, kept=task.staging.join("failures-*"))
    if previous is not None and options.full_snapshot:
        check_deletions(
            options.deletion_limit,
            deleted=changes.deleted,
            ambiguous=staged.changes.tombstones - changes.deleted - changes.changed,
            documents=previous.counts.documents,
        )
