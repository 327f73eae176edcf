"""Engines whose batches are computed at a time that a test chooses."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from tests.model.fake_engine import FakeEngine
from tests.waiting import HANGS_AFTER_SECONDS


class MeetingEngine(FakeEngine):
    """Returns from no batch before `parties` are there."""

    def __init__(self, parties: int, **options: Any) -> None:
        super().__init__(**options)
        self._barrier = threading.Barrier(parties, timeout=HANGS_AFTER_SECONDS)

    def run(self, inputs: Mapping[str, np.ndarray], outputs: Collection[str]) -> dict[str, np.ndarray]:
        self._barrier.wait()
        return super().run(inputs, outputs)


class GatedEngine(FakeEngine):
    """Begins any batch, and ends as many as it is let."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._gate = threading.Semaphore(0)

    def let(self, batches: int = 1000) -> None:
        """Lets this many batches more come to their end; by default all."""
        self._gate.release(batches)

    def run(self, inputs: Mapping[str, np.ndarray], outputs: Collection[str]) -> dict[str, np.ndarray]:
        assert self._gate.acquire(timeout=HANGS_AFTER_SECONDS)
        return super().run(inputs, outputs)
