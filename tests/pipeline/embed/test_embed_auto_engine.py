"""`embed --engine auto` where JAX sees a GPU: the engine jax makes the rows, and the output says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from albert_embed import read_embeddings
from albert_embed.model.hosting import auto_engine
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.versions import read_manifest

pytestmark = pytest.mark.integration

LINES = [f"line {number} of " + "words " * (number % 40) for number in range(60)]


def test_where_jax_sees_a_gpu_it_makes_the_rows(
    tiny_model: Path,
    tiny_module: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The GPU is pretended; JAX computes on this CPU."""
    pytest.importorskip("jax")
    monkeypatch.setattr(auto_engine, "count_jax_gpus", lambda: 1)
    monkeypatch.setattr(auto_engine, "is_installed", lambda package: False)
    (tmp_path / "in.txt").write_text("\n".join(LINES))

    def embed(model: Path, engine: str) -> tuple[str | None, dict[bytes, np.ndarray]]:
        caplog.clear()
        output = str(tmp_path / f"{model.name}-{engine}")
        command = ["embed", "--model", str(model), "--input", str(tmp_path / "in.txt"), "--output", output]
        assert main([*command, "--embeddings", "mean", "--engine", engine]) == 0
        rows = [row for batch in read_embeddings(output) for row in batch.to_pylist()]
        return read_manifest(output).model.engine, {row["id"]: np.array(row["mean_output"]) for row in rows}

    engine, found = embed(tiny_model, "auto")
    assert engine == "jax"
    assert "--engine auto is jax here, because JAX sees a GPU" in caplog.messages
    _, expected = embed(tiny_model, "tensorflow")
    assert found.keys() == expected.keys() and len(found) == len(LINES)
    for key, values in found.items():
        np.testing.assert_allclose(values, expected[key], rtol=0, atol=2e-5)

    engine, _ = embed(tiny_module, "auto")  # a module of TF Hub, which it can't compute
    assert engine == "tensorflow"
    message = "--engine auto is tensorflow here, because OpenVINO is not installed, and engine jax can't compute this"
    assert message in caplog.messages
