"""The fixtures of tests on other engines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from apache_beam.io.filesystems import FileSystems

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


@pytest.fixture
def repeating_dataflow(emulators: Emulators, tmp_path: Path) -> Iterator[Dataflow]:
    """One that runs each bundle twice, the first time for nothing, once `Dataflow.release` lets it."""
    with run_dataflow(tmp_path / "dataflow", emulators, repeats=True, waits=True) as running:
        yield running


@pytest.fixture
def remote_model(bucket: str, tiny_model: Path) -> str:
    """The tiny model in the bucket."""
    for file in filter(Path.is_file, tiny_model.rglob("*")):
        with FileSystems.create(f"{bucket}/model/{file.relative_to(tiny_model)}") as target:
            target.write(file.read_bytes())
    return f"{bucket}/model"
