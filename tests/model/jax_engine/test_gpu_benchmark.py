"""The benchmark for GPUs takes all that its programs import to a machine where this project is not installed."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from benchmarks.gpu.prepare import copy_code

pytest.importorskip("jax")

# Without `site`, so that an installed copy of this project, editable or not, is not found in place of the code.
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
sys.path.append(sys.argv[2])
import benchmarks.gpu.engine_rates, benchmarks.gpu.program_rates
import albert_embed.model.jax_engine.program
print("tensorflow" in sys.modules, albert_embed.model.jax_engine.program.__file__)
"""


def test_the_code_that_travels_is_whole(tmp_path: Path) -> None:
    copy_code(tmp_path)
    command = [sys.executable, "-S", "-E", "-c", PROGRAM, str(tmp_path), sysconfig.get_paths()["purelib"]]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.stderr == ""
    assert found.stdout == f"False {tmp_path / 'albert_embed/model/jax_engine/program.py'}\n"
