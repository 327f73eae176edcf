"""`EmbedPlan`: what `embed` will take for a corpus. All of it is estimated; the plan says from what."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlannedEmbeddings:
    """What is to be embedded, and with what.

    Attributes:
      embeddings: which ones.
      encoding: of the vectors.
      dimensions: how many values of each are kept; None means all.
      tokens: whether each token's piece and place are written.
      engine: what executes the model.
      precision: of the model.
    """

    embeddings: tuple[str, ...]
    encoding: str
    dimensions: int | None
    tokens: bool
    engine: str
    precision: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class MachinePlan:
    """What it takes on this machine, from a short run of the model.

    Attributes:
      seconds: from start to end.
      seconds_by_part: those to prepare, to load the model, to preprocess and to embed.
      tokens_per_second: real tokens of rows, without the time to prepare.
      timed_batches: how many batches were run.
      timed_seconds: how long those took.
    """

    seconds: float
    seconds_by_part: dict[str, float]
    tokens_per_second: float
    timed_batches: int
    timed_seconds: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class AcceleratorPlan:
    """What it takes on Dataflow, with some workers that have one GPU each.

    Attributes:
      accelerator: the GPU, for people.
      gpu: as `--gpu` takes it.
      workers: how many.
      tokens_per_second: of all workers together; None where there is nothing to embed.
      limit: whether the GPU or the rest of a worker takes longer.
      hours: from start to end.
      dollars: for all workers.
      peak_source, utilisation, utilisation_source, price_source, price_as_of: as in `GpuType`.
    """

    accelerator: str
    gpu: str
    workers: int
    tokens_per_second: int | None
    limit: Literal["gpu", "host"]
    hours: float
    dollars: float
    peak_source: str
    utilisation: float
    utilisation_source: str
    price_source: str
    price_as_of: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmbedPlan:
    """What `embed` will take.

    Attributes:
      planned: what is to be embedded.
      rows: for the model.
      batches: that they are cut into.
      batch_tokens: maximum padded tokens per batch.
      tokens: real ones of all rows.
      padded_tokens: of all batches.
      fill: the share of real tokens among these; None where there are none.
      output_bytes: of the output as TFRecord.
      here: on this machine; None where the run is elsewhere, or there is nothing to embed.
      accelerators: on Dataflow, for each GPU that has the model's precision and each number of workers.
      rates_file: the table of GPUs.
    """

    planned: PlannedEmbeddings
    rows: int
    batches: int
    batch_tokens: int
    tokens: int
    padded_tokens: int
    fill: float | None
    output_bytes: int
    here: MachinePlan | None
    accelerators: tuple[AcceleratorPlan, ...]
    rates_file: str

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON, where `planned` is called `for`."""
        fields = dataclasses.asdict(self)
        return {"for": fields.pop("planned"), **fields}

    @staticmethod
    def from_dict(fields: dict[str, Any]) -> EmbedPlan:
        """Returns the plan of which `to_dict` gave the values, through JSON or not.

        Raises:
          KeyError, TypeError: if a value is missing or unknown.
        """
        values = dict(fields)
        planned = values.pop("for")
        return EmbedPlan(
            **{
                **values,
                "planned": PlannedEmbeddings(**{**planned, "embeddings": tuple(planned["embeddings"])}),
                "here": None if values["here"] is None else MachinePlan(**values["here"]),
                "accelerators": tuple(AcceleratorPlan(**row) for row in values["accelerators"]),
            }
        )
