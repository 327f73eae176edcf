"""`RunModel`: batches begun in one step and finished in the next are those of RunInference alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.internal import pickler
from apache_beam.testing.util import assert_that

from albert_embed.model.hosting.choose_engine import EngineName
from albert_embed.model.hosting.handler import AlbertModelHandler
from albert_embed.model.streams.batch_starter import BatchStarter
from albert_embed.model.streams.run_model import RunModel
from tests.model.hosting.test_embed_batch import make_batch


@pytest.mark.parametrize("streams", [0, 1, 3])
def test_streams_change_no_row(tiny_model: Path, engine_name: EngineName, streams: int) -> None:
    batches = [make_batch([[2, 5 + number, 3]]) for number in range(7)]
    model, embeddings = str(tiny_model), ("pooled", "mean")
    alone = AlbertModelHandler(model, embeddings=embeddings, engine=engine_name)
    engine = alone.load_model()
    results: list[Any] = [result for batch in batches for result in alone.run_inference(batch, engine)]
    expected = [row for result in results for row in result.to_pylist()]

    def check(results: list[pa.RecordBatch]) -> None:
        found = [row for result in results for row in result.to_pylist()]
        assert [row["input_ids"] for row in found] == [row["input_ids"] for row in expected]
        for name in ("pooled_output", "mean_output"):
            np.testing.assert_allclose([row[name] for row in found], [row[name] for row in expected], atol=1e-6, rtol=0)

    handler = AlbertModelHandler(model, embeddings=embeddings, engine=engine_name, streams=streams)
    step = pickler.loads(pickler.dumps(RunModel(handler)))
    with beam.Pipeline() as pipeline:
        # An empty batch gives nothing.
        given = pipeline | beam.Create([*batches, make_batch([])], reshuffle=False)
        assert_that(given | step, check)


def test_arguments_for_the_model_are_refused(tiny_model: Path) -> None:
    starter = BatchStarter(AlbertModelHandler(str(tiny_model), streams=1))
    with pytest.raises(ValueError, match=r"^AlbertModelHandler takes no inference_args, got \['k'\]$"):
        list(starter.run_inference(make_batch([[2, 3]]), starter.load_model(), {"k": 1}))


def test_less_than_no_stream_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^streams must be at least 0, not -1$"):
        AlbertModelHandler("model", streams=-1)
