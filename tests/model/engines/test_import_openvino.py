"""OpenVINO reports nothing: it starts no process, and leaves nothing in the user's home."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import HANGS_AFTER_SECONDS

# What OpenVINO takes for a CI job, where it reports nothing anyway.
_CI_VARIABLES = ("CI", "TF_BUILD", "JENKINS_URL")

_PROGRAM = """
import os, sys
from pathlib import Path

import numpy as np

def refuse(*_):
    raise AssertionError("a process was forked")

os.fork = refuse
from albert_embed.model.hosting.choose_engine import load_engine

engine = load_engine("openvino", Path(sys.argv[1]))
inputs = {name: np.ones((2, 4), np.int32) for name in ("input_ids", "input_mask", "segment_ids")}
print(engine.run(inputs, ["pooled_output"])["pooled_output"].shape)
print("openvino_telemetry" in sys.modules)
"""


def test_loading_a_model_reports_nothing(tiny_model: Path, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    environment = {name: value for name, value in os.environ.items() if name not in _CI_VARIABLES}
    finished = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(tiny_model)],
        env={**environment, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=HANGS_AFTER_SECONDS,
        check=False,
    )
    assert finished.stdout == "(2, 16)\nFalse\n", finished.stderr
    assert "a process was forked" not in finished.stderr
    assert not (tmp_path / "intel").exists()
