"""`DryRun`: what a run would do, as far as it could be found out without it, and what would stop it."""

from __future__ import annotations

import dataclasses
from typing import Any

from albert_embed.pipeline.analysis.embed_plan import EmbedPlan


@dataclasses.dataclass(frozen=True, kw_only=True)
class GivenInput:
    """The input; what is not known without reading it is None.

    Attributes:
      format: how it is read.
      files: how many it has.
      bytes: of it.
      ranges: in how many parts it is read.
    """

    format: str
    files: int | None
    bytes: int | None
    ranges: int | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class GivenModel:
    """The model.

    Attributes:
      name: as it was named.
      fingerprint: of what it computes.
      precision: of what it computes.
      hidden_size: the width of its vectors.
      layers: how many it has.
      max_tokens: maximum tokens per row.
      batch_tokens: maximum padded tokens per batch.
      bytes: of its files.
      batch_memory_bytes: maximum memory of a batch.
      streams: how many batches are computed at once.
    """

    name: str
    fingerprint: str
    precision: str
    hidden_size: int
    layers: int
    max_tokens: int
    batch_tokens: int
    bytes: int
    batch_memory_bytes: int
    streams: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlannedOutput:
    """The output.

    Attributes:
      directory: where it is written.
      table: the table that rows go to; None where they go to none.
      sinks: the formats.
      effect: whether it is new, or what becomes of the version that is there.
    """

    directory: str
    table: str | None
    sinks: tuple[str, ...]
    effect: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Estimate:
    """What the run takes, from a sample of its input.

    Attributes:
      documents: of the input.
      shards: of the output, at least.
      plan: the rest.
    """

    documents: int
    shards: int
    plan: EmbedPlan

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON, those of the plan beside the others."""
        return {"documents": self.documents, "shards": self.shards, **self.plan.to_dict()}


@dataclasses.dataclass(frozen=True, kw_only=True)
class DryRun:
    """What a dry run has found.

    Attributes:
      problems: what would stop the run; none if it can start.
      input: None where there is a problem with it, or it is standard input.
      model: None where there is a problem with it.
      engine: as `--engine` names it.
      embeddings: which ones.
      encoding: of the vectors.
      output: where they go.
      runner: what runs the pipeline.
      sets: what `--gpu` sets, and why.
      estimate: None where the input or the model can't be used, or there is no sample.
    """

    problems: tuple[str, ...]
    input: GivenInput | None
    model: GivenModel | None
    engine: str
    embeddings: tuple[str, ...]
    encoding: str
    output: PlannedOutput
    runner: str
    sets: tuple[str, ...]
    estimate: Estimate | None

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON, without the problems."""
        fields = dataclasses.asdict(self)
        del fields["problems"]
        return {**fields, "estimate": None if self.estimate is None else self.estimate.to_dict()}
