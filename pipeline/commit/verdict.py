"""`Verdict`: how a run ended, as the run itself wrote it down; whoever waits reads this, not what a runner says."""

from __future__ import annotations

import dataclasses
import json

from albert_embed.pipeline.commit.staging import StagingFolder
from albert_embed.pipeline.dataset.manifest import Manifest

VERDICT_FILE = "verdict.json"
PUBLISHED = "published"
UNCHANGED = "unchanged"
FAILED = "failed"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verdict:
    """How a run ended.

    Attributes:
      kind: `published`, `unchanged` (an incremental run found nothing to add), or `failed`.
      exit_status: of the command.
      generation: the number of the version, where one was published.
      error: the name of the error's type, where it failed.
      message: what was wrong, where it failed.
      manifest: of the dataset after a run that changed nothing, with the run's measurements; else None.
    """

    kind: str
    exit_status: int = 0
    generation: int = 0
    error: str = ""
    message: str = ""
    manifest: Manifest | None = None

    def to_json(self) -> bytes:
        """Returns JSON text."""
        manifest = None if self.manifest is None else self.manifest.to_dict()
        return json.dumps({**dataclasses.asdict(self), "manifest": manifest}).encode()

    @staticmethod
    def from_json(content: bytes) -> Verdict:
        """Reads what `to_json` wrote."""
        fields = json.loads(content)
        manifest = None if fields["manifest"] is None else Manifest.from_dict(fields["manifest"])
        return Verdict(**{**fields, "manifest": manifest})


def read_verdict(staging: StagingFolder) -> Verdict | None:
    """Returns the verdict of a run; None if there is none yet."""
    content = staging.read(VERDICT_FILE)
    return None if content is None else Verdict.from_json(content)


def write_verdict(staging: StagingFolder, verdict: Verdict) -> Verdict:
    """Writes the verdict of a run, unless there is one; returns that which counts."""
    return Verdict.from_json(staging.create(VERDICT_FILE, verdict.to_json()))
