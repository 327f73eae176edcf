"""`EmbedOutcome`: what came of a run of `embed`."""

from __future__ import annotations

import dataclasses

from albert_embed.pipeline.dataset.manifest import Manifest


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmbedOutcome:
    """The result of a run.

    Attributes:
      manifest: of the output, with this run's measurements.
      published: False where an incremental run found nothing to add, so the output is unchanged.
      compacted: whether the output was compacted afterwards (`compact_above`), so that it has another manifest by now.
    """

    manifest: Manifest
    published: bool
    compacted: bool = False
