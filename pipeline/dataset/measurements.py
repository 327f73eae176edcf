"""`Measurements`: the times and rates of a run."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measurements:
    """The times and rates of a run.

    Attributes:
      total_seconds: from its start until it published.
      pipeline_seconds: the part of them in the pipeline that embeds.
      batch_tokens: maximum padded tokens per batch.
      counters: of the pipeline (`transforms.metrics`), name → value.
      documents_per_second: documents that this run embedded, per second of the pipeline.
      useful_tokens_per_second: the same for real tokens.
      seconds_by_stage: where the pipeline's time went, summed over workers.
      fill: real tokens / padded tokens of all batches; None where there was no batch.
      comparison_seconds: for an incremental run, how long the comparison with the dataset took; else None.
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
        """Returns plain values for JSON, without the comparison where there was none."""
        fields = dataclasses.asdict(self)
        if self.comparison_seconds is None:
            del fields["comparison_seconds"]
        return fields
