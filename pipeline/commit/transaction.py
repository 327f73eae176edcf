"""`Transaction`: begin, stage, commit, for programs that publish in their own process, such as `compact`."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Iterator

from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.pipeline.commit.claim import Claim
from albert_embed.pipeline.commit.open_output import open_output
from albert_embed.pipeline.commit.plan import make_plan, write_plan
from albert_embed.pipeline.commit.publish import (
    clear_staged,
    find_published,
    keep_run,
    list_dead_runs,
    move_planned,
    publish_plan,
    remove_runs,
)
from albert_embed.pipeline.commit.run_name import make_run_name
from albert_embed.pipeline.commit.staging import StagingFolder
from albert_embed.pipeline.console.interruption import NOTHING_CHANGED, say_if_interrupted
from albert_embed.pipeline.dataset.layout import DOCUMENTS_SCHEMA_FILE, ROWS_SCHEMA_FILE
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.versions import choose_retained, find_latest_number
from albert_embed.transforms.files.directories import read_file

logger = logging.getLogger(__name__)


class CommitFailedError(RuntimeError):
    """A version could not be staged or published, for a reason that lies in the file system."""


class Transaction:
    """One version in the making.

    Args:
      directory: the dataset's.

    Attributes:
      staging: where the files of the version are written.
    """

    def __init__(self, directory: str) -> None:
        self.staging = StagingFolder(directory=directory, run=make_run_name())
        self._claim = Claim(directory, self.staging.run, named="DIR")
        self._latest: Manifest | None = None

    def begin(
        self, *, overwrite: bool, add: bool = False, beam_options: PipelineOptions | None = None
    ) -> Manifest | None:
        """Claims the dataset, and removes what dead runs have left, but for shards that the next `embed` can use.

        Args:
          overwrite, add: as in `open_output`.
          beam_options: say where the runner is that may still be writing.

        Returns:
          The manifest of the latest version, if there is one.

        Raises:
          OutputError: if that is not allowed, or a run is writing to the dataset.
        """
        directory = self.staging.directory
        self._claim.acquire(PipelineOptions([]) if beam_options is None else beam_options)
        try:
            latest = open_output(directory, overwrite=overwrite, add=add)
            dead = [run for run in list_dead_runs(directory, own=self.staging.run) if not keep_run(directory, run)]
            remove_runs(directory, dead)
        except BaseException:
            self._claim.release()
            raise
        self._latest = latest
        return latest

    @property
    def version(self) -> int:
        """The number that the version gets."""
        return 1 if self._latest is None else self._latest.generation + 1

    def commit(self, manifest: Manifest, schemas: dict[str, str], *, retain: int | None = None) -> Manifest:
        """Publishes a version, and returns its manifest.

        Args:
          manifest: names the staged files as RUN/NAME, and those of earlier versions that stay.
          schemas: path → content of the schema files, relative to the dataset's directory.
          retain: how many earlier versions stay readable; None for as many as before (`choose_retained`).

        Raises:
          VersionConflictError: if another run has published meanwhile.
          OSError: if the file system refuses.
        """
        run, directory = self.staging.run, self.staging.directory
        manifest = dataclasses.replace(manifest, retain=choose_retained(directory, retain, self._latest))
        planned = make_plan(manifest, run=run, generation=self.version, schemas=schemas)
        plan = write_plan(self.staging, planned)
        move_planned(directory, plan)
        publish_plan(directory, plan)
        clear_staged(directory, plan)
        return plan.manifest

    @contextlib.contextmanager
    def explain_failures(self) -> Iterator[None]:
        """Says what became of the version where the file system refuses something in the `with` block.

        Raises:
          CommitFailedError: for an OSError, which would say that the command can't be carried out as given.
        """
        try:
            yield
        except OSError as e:
            directory = self.staging.directory
            number: int | None = None
            with contextlib.suppress(OSError):
                number = find_published(directory, self.staging.run)
            became = (
                "nothing was published, and the output is as it was; run the same command again once the cause is gone"
                if number is None
                else f"version {number} is published, and the next run does what is left"
            )
            raise CommitFailedError(f"{directory}: {e}; {became}") from e

    def end(self) -> None:
        """Releases the claim, and removes what is staged, and what a commit that failed has moved."""
        try:
            remove_runs(self.staging.directory, [self.staging.run])
        except OSError as e:  # what became of the version is known by now
            logger.warning("%s could not be removed, which the next run does: %s", self.staging.path, e)
        finally:
            self._claim.release()


def watch_versions(directory: str) -> None:
    """Has the command say, where it is interrupted from now on, whether there is a newer version.

    Args:
      directory: of the output.
    """
    before = find_latest_number(directory)

    def describe() -> str:
        latest = find_latest_number(directory)
        if latest == before:
            return NOTHING_CHANGED
        return f"version {latest} of {directory} is published, and the next run does what is left"

    say_if_interrupted(describe)


def read_schemas(directory: str) -> dict[str, str]:
    """Reads the schema files of a dataset that are there: path → content."""
    schemas = {}
    for path in (ROWS_SCHEMA_FILE, DOCUMENTS_SCHEMA_FILE):
        try:
            schemas[path] = read_file(f"{directory.rstrip('/')}/{path}").decode()
        except FileNotFoundError:
            continue
    return schemas
