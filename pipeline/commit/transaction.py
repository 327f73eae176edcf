"""`Transaction`: begin, stage, commit, for programs that publish in their own process, such as `compact`."""

from __future__ import annotations

from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.pipeline.commit.claim import Claim
from albert_embed.pipeline.commit.open_output import open_output
from albert_embed.pipeline.commit.plan import make_plan, write_plan
from albert_embed.pipeline.commit.publish import clear_staged, list_dead_runs, move_planned, publish_plan, remove_runs
from albert_embed.pipeline.commit.run_name import make_run_name
from albert_embed.pipeline.commit.staging import StagingFolder
from albert_embed.pipeline.dataset.layout import DOCUMENTS_SCHEMA_FILE, ROWS_SCHEMA_FILE
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.transforms.files.directories import read_file


class Transaction:
    """One version in the making.

    Args:
      directory: the dataset's.

    Attributes:
      staging: where the files of the version are written.
    """

    def __init__(self, directory: str) -> None:
        self.staging = StagingFolder(directory=directory, run=make_run_name())
        self._claim = Claim(directory, self.staging.run)
        self._base = 0

    def begin(
        self, *, overwrite: bool, add: bool = False, beam_options: PipelineOptions | None = None
    ) -> Manifest | None:
        """Claims the dataset, and removes what runs that were cut off have left.

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
            remove_runs(directory, list_dead_runs(directory, own=self.staging.run))
        except BaseException:
            self._claim.release()
            raise
        self._base = 0 if latest is None else latest.generation
        return latest

    @property
    def version(self) -> int:
        """The number that the version gets."""
        return self._base + 1

    def commit(self, manifest: Manifest, schemas: dict[str, str], *, retain: int = 0) -> Manifest:
        """Publishes a version, and returns its manifest.

        Args:
          manifest: names the staged files as RUN/NAME, and those of earlier versions that stay.
          schemas: path → content of the schema files, relative to the dataset's directory.
          retain: how many earlier versions stay readable.

        Raises:
          VersionConflictError: if another run has published meanwhile.
          OSError: if the file system refuses.
        """
        run, directory = self.staging.run, self.staging.directory
        planned = make_plan(manifest, run=run, generation=self.version, schemas=schemas, retain=retain)
        plan = write_plan(self.staging, planned)
        move_planned(directory, plan)
        publish_plan(directory, plan)
        clear_staged(directory, plan)
        return plan.manifest

    def end(self) -> None:
        """Releases the claim, and removes what is staged."""
        self.staging.remove()
        self._claim.release()


def read_schemas(directory: str) -> dict[str, str]:
    """Reads the schema files of a dataset that are there: path → content."""
    schemas = {}
    for path in (ROWS_SCHEMA_FILE, DOCUMENTS_SCHEMA_FILE):
        try:
            schemas[path] = read_file(f"{directory.rstrip('/')}/{path}").decode()
        except FileNotFoundError:
            continue
    return schemas
