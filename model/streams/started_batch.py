"""`StartedBatch`: a batch that the model has been given, whose embeddings may still be on their way."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from typing import NoReturn

import numpy as np
import pyarrow as pa
from apache_beam import coders

from albert_embed.model.architecture.padded_batch import pad_batch
from albert_embed.model.hosting.embed_batch import embed_padded
from albert_embed.model.hosting.embeddings import name_outputs
from albert_embed.model.streams.batch_streams import BatchStreams
from albert_embed.transforms.rows.columns import INPUT_IDS
from albert_embed.transforms.steps.failure import Failure


@dataclasses.dataclass(frozen=True, kw_only=True)
class StartedBatch:
    """A batch that an engine computes, or will when a thread is free.

    Attributes:
      batch: the rows, at least one.
      embeddings: which to add to them.
      inputs: of the signature, padded.
      outputs: what becomes of them.
      streams: what computes it.
    """

    batch: pa.RecordBatch
    embeddings: tuple[str, ...]
    inputs: Mapping[str, np.ndarray]
    outputs: Future[dict[str, np.ndarray]]
    streams: BatchStreams

    @property
    def vectors(self) -> int:
        """How many vectors of the model's width are held when it is computed and not yet written."""
        rows, length = self.inputs[INPUT_IDS].shape
        return int(rows * len(self.embeddings) + (rows * length if "sequence" in self.embeddings else 0))


def start_batch(batch: pa.RecordBatch, streams: BatchStreams, embeddings: tuple[str, ...]) -> StartedBatch:
    """Gives a batch of at least one row to the model, and does not wait for its embeddings."""
    inputs = pad_batch(batch)
    outputs = streams.start(inputs, name_outputs(embeddings))
    return StartedBatch(batch=batch, embeddings=embeddings, inputs=inputs, outputs=outputs, streams=streams)


def finish_batch(started: StartedBatch) -> Iterator[pa.RecordBatch | Failure]:
    """Waits for a batch, and yields what `model.hosting.embed_batch.embed_batch` does for it.

    Counts are those of the thread that calls this.
    """
    return embed_padded(
        started.batch, started.inputs, started.outputs.result, started.streams.engine, started.embeddings
    )


class StartedBatchCoder(coders.Coder):
    """Refuses to send a `StartedBatch` anywhere: its embeddings come in the process where it was started.

    Beam asks the coder of whatever passes from step to step for its size.
    """

    def encode(self, value: StartedBatch) -> NoReturn:
        raise TypeError(
            "a batch that the model has begun can't leave its process; AlbertModelHandler takes streams only where one "
            "process runs all steps"
        )

    def decode(self, encoded: bytes) -> NoReturn:
        raise TypeError("a StartedBatch is never encoded")

    def estimate_size(self, value: StartedBatch) -> int:
        return int(value.batch.nbytes)

    def is_deterministic(self) -> bool:
        return False

    def to_type_hint(self) -> type:
        return StartedBatch


coders.registry.register_coder(StartedBatch, StartedBatchCoder)
