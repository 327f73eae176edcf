"""`Measurements`: the times and rates of a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from albert_embed.model.hosting.worker_environment import WorkerEnvironment


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmbeddingWorkers:
    """Workers that are the same.

    Attributes:
      environment: what they are.
      rows: how many rows they have embedded.
    """

    environment: WorkerEnvironment
    rows: int

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return {**self.environment.to_dict(), "rows": self.rows}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EmbeddingWorkers:
        """Returns what `to_dict` has made plain values of."""
        return cls(environment=WorkerEnvironment.from_dict(values), rows=values["rows"])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measurements:
    """The times and rates of a run.

    Attributes:
      total_seconds: from its start until it published.
      pipeline_seconds: the part of them in the pipeline that embeds.
      batch_tokens: maximum padded tokens per batch.
      counters: of the pipeline (`transforms.steps.metrics`), name → value.
      documents_per_second: documents that this run embedded, per second of the pipeline.
      useful_tokens_per_second: the same for real tokens.
      seconds_by_stage: where the pipeline's time went, summed over workers.
      fill: real tokens / padded tokens of all batches; None where there was no batch.
      workers: what the workers were that embedded this run's rows, those with most rows first.
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
    workers: list[EmbeddingWorkers] = dataclasses.field(default_factory=list)
    comparison_seconds: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON, without the comparison where there was none."""
        fields = {**dataclasses.asdict(self), "workers": [group.to_dict() for group in self.workers]}
        if self.comparison_seconds is None:
            del fields["comparison_seconds"]
        return fields

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Measurements:
        """Returns what `to_dict` has made plain values of."""
        return cls(**{**fields, "workers": [EmbeddingWorkers.from_dict(group) for group in fields["workers"]]})
