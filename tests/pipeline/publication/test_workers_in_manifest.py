"""The manifest says what the workers are, not what the program that started them is."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from albert_embed.model.hosting import embed_batch
from albert_embed.model.hosting.worker_environment import WorkerEnvironment, observe_worker
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.measurements import EmbeddingWorkers
from albert_embed.pipeline.dataset.versions import read_manifest
from tests.pipeline.embed_command import embed_command
from tests.tiny_model import CORPUS

GPU = WorkerEnvironment(engine="tensorflow", device="NVIDIA L4", versions={"tensorflow": "2.99.0"})
CPU = WorkerEnvironment(engine="openvino", device="AMD EPYC", versions={"tensorflow": "2.98.0"})


def embed(model: Path, output: Path, *more: str) -> Manifest:
    arguments = embed_command(model, CORPUS, output, *more)
    assert main(arguments) == 0
    return read_manifest(str(output))


def test_this_process_is_the_worker_of_an_in_process_run(tiny_model: Path, tmp_path: Path) -> None:
    manifest = embed(tiny_model, tmp_path / "out")
    environment = observe_worker("tensorflow")
    assert manifest.measured.workers == [EmbeddingWorkers(environment=environment, rows=300)]
    assert manifest.versions == environment.versions and manifest.model.engine == "tensorflow"
    assert Manifest.from_dict(manifest.to_dict()) == manifest


def test_the_manifest_lists_different_workers_with_their_rows(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two batches in three are embedded on the one kind, the third on the other."""
    kinds = itertools.cycle([CPU, CPU, GPU])
    monkeypatch.setattr(embed_batch, "observe_worker", lambda engine: next(kinds))
    manifest = embed(tiny_model, tmp_path / "out", "--batch-tokens", "256")
    assert [group.environment for group in manifest.measured.workers] == [CPU, GPU]
    rows = [group.rows for group in manifest.measured.workers]
    assert sum(rows) == 300 and rows[0] > rows[1] > 0
    assert manifest.versions == CPU.versions
    assert manifest.model.engine == "openvino, tensorflow"


def test_a_run_that_embeds_nothing_has_no_workers(tiny_model: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "empty.txt"
    corpus.write_text("")
    arguments = embed_command(tiny_model, corpus, tmp_path / "out")
    assert main(arguments) == 0
    manifest = read_manifest(str(tmp_path / "out"))
    assert manifest.measured.workers == [] and manifest.model.engine == "tensorflow"
    assert "tensorflow" in manifest.versions
