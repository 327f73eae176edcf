"""`FirstCall`: nothing goes on beside it; and OpenVINO is called so."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from albert_embed.model.engines import openvino_engine
from albert_embed.model.engines.first_call import FirstCall
from albert_embed.model.hosting.choose_engine import load_engine
from tests.tiny_model import TINY, make_inputs
from tests.waiting import HANGS_AFTER_SECONDS

_LOOK_SECONDS = 0.2  # in which a thread that nothing keeps would come in


def wait_in(first_call: FirstCall, entered: threading.Event) -> None:
    with first_call.wait():
        entered.set()


def test_nothing_goes_on_beside_the_first_call() -> None:
    first_call, entered = FirstCall(), threading.Event()
    with first_call.wait():
        other = threading.Thread(target=wait_in, args=(first_call, entered))
        other.start()
        assert not entered.wait(_LOOK_SECONDS)
    other.join(HANGS_AFTER_SECONDS)
    assert entered.is_set()


def test_later_calls_go_on_at_once() -> None:
    first_call, entered = FirstCall(), threading.Event()
    with first_call.wait():
        pass
    with first_call.wait():
        threading.Thread(target=wait_in, args=(first_call, entered)).start()
        assert entered.wait(HANGS_AFTER_SECONDS)


def test_a_call_that_failed_was_not_the_first() -> None:
    first_call, entered = FirstCall(), threading.Event()
    with pytest.raises(ValueError, match="no"), first_call.wait():
        raise ValueError("no")
    with first_call.wait():
        other = threading.Thread(target=wait_in, args=(first_call, entered))
        other.start()
        assert not entered.wait(_LOOK_SECONDS)
    other.join(HANGS_AFTER_SECONDS)


class WaitingModel:
    """In the place of OpenVINO's model: notes who comes in, and lets nobody out before it is told to."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.leave = threading.Event()

    def create_infer_request(self) -> WaitingModel:
        return self

    def infer(self, inputs: Any, *, share_inputs: bool) -> dict[str, np.ndarray]:
        self.entered.release()
        assert share_inputs and self.leave.wait(HANGS_AFTER_SECONDS)
        return {"pooled_output": np.zeros((1, TINY.hidden_size), np.float32)}


def test_openvino_is_called_by_one_thread_first(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two first calls at once hang for ever in OpenVINO 2026.4, now and then: each waits for what the other keeps."""
    pytest.importorskip("openvino")
    engine: Any = load_engine("openvino", tiny_model)
    monkeypatch.setattr(openvino_engine, "_first_call", FirstCall())
    engine._compiled = model = WaitingModel()
    inputs = make_inputs(TINY, [3])
    with ThreadPoolExecutor(2) as pool:
        batches = [pool.submit(engine.run, inputs, ["pooled_output"]) for _ in range(2)]
        assert model.entered.acquire(timeout=HANGS_AFTER_SECONDS)
        assert not model.entered.acquire(timeout=_LOOK_SECONDS)
        model.leave.set()
        for batch in batches:
            assert batch.result()["pooled_output"].shape == (1, TINY.hidden_size)
