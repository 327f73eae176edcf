"""A model is loaded when there is something to embed, and once."""

from __future__ import annotations

import pickle
import threading
import time
from typing import Any

import pyarrow as pa
import pytest

from albert_embed.model.hosting.handler import AlbertModelHandler
from albert_embed.model.hosting.load_on_demand import LoadOnDemand, ModelOnDemand
from albert_embed.transforms.rows.columns import TYPES


class CountedHandler(AlbertModelHandler):
    """Counts how often it loads, and returns the batches as they are."""

    loaded = 0

    def load_model(self) -> Any:
        type(self).loaded += 1
        time.sleep(0.01)
        return "engine"

    def run_inference(self, batch: Any, model: Any, inference_args: dict[str, Any] | None = None) -> Any:
        assert model == "engine"
        return [batch]


def test_it_loads_with_the_first_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CountedHandler, "loaded", 0)
    handler = pickle.loads(pickle.dumps(LoadOnDemand(CountedHandler("m"))))
    model = handler.load_model()
    assert CountedHandler.loaded == 0
    batch = pa.RecordBatch.from_pydict({"input_ids": pa.array([[1, 2]], TYPES["input_ids"])})
    assert list(handler.run_inference(batch, model)) == [batch] == list(handler.run_inference(batch, model))
    assert CountedHandler.loaded == 1
    assert handler.get_num_bytes(batch) == batch.nbytes and handler.should_skip_batching()
    assert handler.get_metrics_namespace() == AlbertModelHandler("m").get_metrics_namespace()


def test_threads_share_what_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CountedHandler, "loaded", 0)
    model = ModelOnDemand(CountedHandler("m").load_model)
    threads = [threading.Thread(target=model.get) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert CountedHandler.loaded == 1


def test_a_model_that_can_not_be_loaded_is_said_each_time() -> None:
    model = LoadOnDemand(AlbertModelHandler("/nowhere")).load_model()
    for _ in range(2):
        with pytest.raises(ValueError, match="/nowhere"):
            model.get()
