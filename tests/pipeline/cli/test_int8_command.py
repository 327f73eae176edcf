"""int8 from the command line: from the export to a dataset, and what can't be mixed with it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from albert_embed.pipeline.cli.main import main
from tests.pipeline.embed_command import embed_command, list_rows
from tests.tiny_model import CORPUS

pytestmark = pytest.mark.integration


def embed(model: Path, output: Path, *options: str) -> int:
    return main(embed_command(model, CORPUS, output, *options))


def read_means(output: Path) -> dict[str, np.ndarray]:
    return {row["id"]: np.array(row["mean_output"]) for row in list_rows(output)}


def test_from_export_to_inspect(
    tmp_path: Path, tiny_module: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("nncf")
    model, output, exact = tmp_path / "int8", tmp_path / "out", tmp_path / "exact"
    export = ["export", "--source", str(tiny_module), "--output", str(model), "--precision", "int8"]
    assert main([*export, "--calibration-texts", str(CORPUS), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)  # and nothing of NNCF's own
    assert record["precision"] == "int8" and record["int8"]["float32"]["mean_output"]["smallest_cosine"] >= 0.99

    assert embed(model, output, "--embeddings", "mean") == 2
    assert "the model is an int8 export, which only OpenVINO computes in int8: --engine openvino, not tensorflow" in (
        capsys.readouterr().err
    )
    assert not output.exists()

    assert embed(model, output, "--embeddings", "mean", "--engine", "auto", "--incremental") == 0
    assert embed(tiny_model, exact, "--embeddings", "mean") == 0
    found, expected = read_means(output), read_means(exact)
    assert found.keys() == expected.keys()
    cosines = [found[key] @ expected[key] / np.linalg.norm(found[key]) / np.linalg.norm(expected[key]) for key in found]
    assert 0.99 < min(cosines) < 0.9999999

    capsys.readouterr()
    assert main(["inspect", str(output), "--json"]) == 0
    described = json.loads(capsys.readouterr().out)["model"]
    assert (described["precision"], described["engine"]) == ("int8", "openvino")

    assert embed(tiny_model, output, "--embeddings", "mean", "--engine", "openvino", "--incremental") == 2
    message = capsys.readouterr().err
    assert "was made with something else: model fingerprint: " in message


def test_int8_needs_texts(tmp_path: Path, tiny_module: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["export", "--source", str(tiny_module), "--output", str(tmp_path / "out"), "--precision", "int8"]
    assert main(arguments) == 2
    assert (
        "--precision int8 needs --calibration-texts: some hundred texts like those that will be embedded"
    ) in capsys.readouterr().err
