"""`CommitTask`: what the last steps of a run must know to publish it, on whatever worker they run."""

from __future__ import annotations

import dataclasses

from albert_embed.pipeline.commit.staging import StagingFolder
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.provenance import Provenance
from albert_embed.pipeline.dataset.versions import read_version
from albert_embed.pipeline.settings.embed_options import EmbedOptions


@dataclasses.dataclass(frozen=True, kw_only=True)
class CommitTask:
    """What a run publishes, and under which conditions.

    Attributes:
      staging: the folder of the run.
      options: of the run.
      provenance: of its rows.
      base: the number of the version that is the latest when the run begins; 0 for none.
      adds: whether the run adds to that version; else it replaces it.
      started: when the run was started, seconds since 1970.
      batch_tokens: maximum padded tokens per batch.
      schemas: path → content of the schema files, relative to the dataset's directory.
      known_fields: fields of the input, for a message about one that is missing.
      dead_runs: runs that had ended before this one began.
      releases_claim: whether the job itself releases the claim: it may outlive the program that has started it.
    """

    staging: StagingFolder
    options: EmbedOptions
    provenance: Provenance
    base: int
    adds: bool
    started: float
    batch_tokens: int
    schemas: dict[str, str]
    known_fields: tuple[str, ...] = ()
    dead_runs: tuple[str, ...] = ()
    releases_claim: bool = False

    @property
    def directory(self) -> str:
        """The dataset's directory."""
        return self.staging.directory

    def read_base(self) -> Manifest | None:
        """Reads the manifest of the version that is the latest when the run begins; None where there is none.

        Raises:
          OutputError: if it can't be read any more.
        """
        return read_version(self.directory, self.base) if self.base else None
