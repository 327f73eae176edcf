"""`Measurements`: what a run measured of itself."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measurements:
    """What a run measured of itself.

    Attributes:
      total_seconds: from its start until it published.
      pipeline_seconds: of them, those of the pipeline that embeds.
      batch_tokens: maximum padded tokens per batch.
      counters: of the pipeline (`transforms.metrics`), name → value.
      documents_per_second: documents that this run embedded, per second of the pipeline.
      useful_tokens_per_second: real tokens likewise.
      seconds_by_stage: where the pipeline's time went, summed over workers.
      fill: real tokens / padded tokens of all batches; None where there was no batch.
      comparison_seconds: of an incremental run, how long the comparison with the dataset took; else None.
    """

    total_seconds: float
    pipeline_seconds: float
    batch_tokens: int
    counters: dict[str, int]
    documents_per_second: float
    useful_tokens_per_second: float
    seconds_by_stage: dict[str, float]
    fill: float | None
    comparison_seconds: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Returns them as plain values for JSON, without the comparison where there was none."""
        fields = dataclasses.asdict(self)
        if self.comparison_seconds is None:
            del fields["comparison_seconds"]
        return fields
