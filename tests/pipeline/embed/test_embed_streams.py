"""Several batches at once, chosen by the cores: rows, counts and files are those of one at a time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.versions import read_manifest
from albert_embed.pipeline.launch import batch_tokens
from tests.pipeline.embed_command import list_rows

LINES = [f"line {number} of some " + "words " * (number % 40) for number in range(300)]


@pytest.fixture
def arguments(tiny_model: Path, tmp_path: Path) -> list[str]:
    (tmp_path / "in.txt").write_text("\n".join(LINES))
    return ["embed", "--model", str(tiny_model), "--input", str(tmp_path / "in.txt"), "--embeddings", "pooled,mean"]


def read(output: Path) -> list[dict[str, Any]]:
    return list_rows(output)


def test_many_cores_compute_the_rows_of_one(
    arguments: list[str],
    engine_name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    arguments += ["--engine", engine_name, "--batch-tokens", "128"]
    one, many = tmp_path / "one", tmp_path / "many"
    monkeypatch.setattr(batch_tokens, "count_cores", lambda: 1)
    assert main([*arguments, "--output", str(one)]) == 0
    assert "batches computed at once" not in caplog.text
    monkeypatch.setattr(batch_tokens, "count_cores", lambda: 64)
    assert main([*arguments, "--output", str(many)]) == 0
    said = "batches computed at once: 16, chosen for 64 cores; --streams gives another number"
    assert said in caplog.messages
    expected, found = read(one), read(many)
    assert len(found) == len(LINES)
    for row, other in zip(expected, found, strict=True):
        for name in ("pooled_output", "mean_output"):
            np.testing.assert_allclose(row.pop(name), other.pop(name), atol=1e-6, rtol=0)
        assert row == other
    before, after = (read_manifest(str(output)) for output in (one, many))
    assert before.counts == after.counts
    for counter in ("batches", "padded_tokens", "tokens", "rows", "windows"):
        assert before.measured.counters[counter] == after.measured.counters[counter]
    assert after.measured.counters["batches"] > 32  # several groups, of which the last is not full


def test_a_run_on_another_machine_goes_on(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shards of a run that was not published on many cores are used on few."""
    monkeypatch.setattr(batch_tokens, "count_cores", lambda: 64)
    (tmp_path / "in.txt").write_bytes("\n".join(LINES).encode() + b"\n\xff\n")
    output = tmp_path / "out"
    arguments += ["--output", str(output), "--batch-tokens", "128"]
    assert main([*arguments, "--max-failures", "0"]) == 3
    monkeypatch.setattr(batch_tokens, "count_cores", lambda: 2)
    assert main([*arguments, "--max-failures", "1"]) == 0
    assert len(read(output)) == len(LINES)
    assert read_manifest(str(output)).measured.counters["reused_rows"] == len(LINES)


def test_the_plan_says_how_many(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(batch_tokens, "count_cores", lambda: 8)
    arguments += ["--output", str(tmp_path / "out"), "--dry-run", "--json"]
    for more, streams in (((), 2), (("--streams", "3"), 3), (("--worker-threads", "1"), 1)):
        assert main([*arguments, *more]) == 0
        assert json.loads(capsys.readouterr().out)["plan"]["model"]["streams"] == streams
