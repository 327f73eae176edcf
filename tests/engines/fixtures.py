"""The fixtures of tests on other engines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulators.servers import Emulators
from tests.engines.dataflow import RECORD_ONLY, Dataflow, run_dataflow


@pytest.fixture
def dataflow(emulators: Emulators, tmp_path: Path) -> Iterator[Dataflow]:
    """A stand-in for Dataflow that runs the jobs it gets."""
    with run_dataflow(tmp_path / "dataflow", emulators) as running:
        yield running


@pytest.fixture
def recording_dataflow(emulators: Emulators, tmp_path: Path) -> Iterator[Dataflow]:
    """A stand-in for Dataflow that records the jobs it gets, and runs none."""
    with run_dataflow(tmp_path / "dataflow", emulators, worker=RECORD_ONLY) as running:
        yield running
