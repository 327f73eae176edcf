"""The start of a process of the command line: no notes of libraries, but all that matters; as a library, no change."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny_model import ROOT

_VARIABLES = ("TF_CPP_MIN_LOG_LEVEL", "GRPC_VERBOSITY", "ALBERT_EMBED_QUIET_START", "NO_COLOR")


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs Python in an environment where nobody has set anything."""
    plain = {name: value for name, value in os.environ.items() if name not in _VARIABLES}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env={**plain, **environment}, capture_output=True, text=True, check=False
    )


def run_code(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run("-c", code, **environment)


_HIDE = "import os, sys\nfrom albert_embed.transforms.process.start_up import hide_notes\nwith hide_notes():\n    "
_WRITE = (
    "os.write(2, b'WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\\n"
    "I0000 00:00:1795697659.212142 1 port.cc:153] a note\\nW0000 00:00:1 1 a.cc:5] a warning\\nunfinished')"
)


def test_notes_are_left_out_and_all_else_is_passed_on() -> None:
    finished = run_code(f"{_HIDE}{_WRITE}\nprint(' and after', file=sys.stderr)")
    assert finished.stderr == "W0000 00:00:1 1 a.cc:5] a warning\nunfinished and after\n"
    assert finished.returncode == 0


def test_the_last_words_of_a_library_are_heard() -> None:
    """TensorFlow ends the process on a processor that lacks what it was built for, and says so before."""
    finished = run_code(f"{_HIDE}os.write(2, b'F0000 the library was compiled to use AVX\\n'); os.abort()")
    assert finished.stderr == "F0000 the library was compiled to use AVX\n"
    assert finished.returncode < 0


def test_a_process_without_standard_error() -> None:
    finished = run_code("import os\nos.close(2)\n" + f"{_HIDE}print('fine')")
    assert (finished.returncode, finished.stdout) == (0, "fine\n")


def test_what_is_set_already_stays() -> None:
    code = "import os\nfrom albert_embed.transforms.process.start_up import start_quietly\nstart_quietly()\n"
    code += "print([os.environ[name] for name in ('TF_CPP_MIN_LOG_LEVEL', 'GRPC_VERBOSITY')])"
    assert run_code(code, TF_CPP_MIN_LOG_LEVEL="0", GRPC_VERBOSITY="DEBUG").stdout == "['0', 'DEBUG']\n"
    assert run_code(code).stdout in ("['2', 'ERROR']\n", "['3', 'ERROR']\n")


def test_a_library_changes_nothing_of_its_program() -> None:
    code = f"""
import os, sys
before = dict(os.environ)
import albert_embed
from albert_embed import EmbedText
changed = {{name for name in os.environ if os.environ[name] != before.get(name)}}
ours = [finder for finder in sys.meta_path if type(finder).__module__.startswith("albert_embed")]
print(sorted(changed & {set(_VARIABLES)!r}), ours)
"""
    finished = run_code(code)
    assert finished.stdout == "[] []\n", finished.stderr


@pytest.mark.integration
def test_optional_libraries_are_left_out_and_can_be_imported_afterwards() -> None:
    code = """
import importlib.util, gc, sys
from albert_embed.transforms.process.start_up import start_quietly
start_quietly()
import apache_beam, tensorflow as tf
names = ("h5py", "jax", "matplotlib", "scipy", "sklearn")
print([name for name in names if name in sys.modules], gc.isenabled(), gc.get_freeze_count() > 100_000)
import h5py
print(h5py.__name__, tf.__spec__.loader is tf.__loader__, type(tf.__loader__).__name__)
print(tf.constant([1, 2]).numpy().sum(), tf.__version__[0])
"""
    finished = run_code(code)
    assert finished.stdout.splitlines() == ["[] True True", "h5py True SourceFileLoader", "3 2"], finished.stderr
    assert finished.stderr == ""


@pytest.mark.integration
@pytest.mark.parametrize(
    "flags",
    [(), ("--direct_running_mode", "multi_processing", "--direct_num_workers", "2")],
    ids=["in-process", "processes"],
)
def test_standard_error_holds_our_own_lines_alone(tiny_model: Path, tmp_path: Path, flags: tuple[str, ...]) -> None:
    (tmp_path / "in.txt").write_text("One text.\nAnother text.\n")
    names = ["--model", str(tiny_model), "--input", str(tmp_path / "in.txt"), "--output"]
    quiet = run("-m", "albert_embed", "embed", *names, str(tmp_path / "quiet"), *flags)
    assert quiet.returncode == 0, quiet.stderr
    foreign = [line for line in quiet.stderr.splitlines() if not line.startswith("INFO albert_embed.")]
    assert foreign == [] and quiet.stderr != ""
    if not flags:
        verbose = run("-m", "albert_embed", "embed", *names, str(tmp_path / "verbose"), "--verbose")
        assert verbose.returncode == 0
        assert "port.cc" in verbose.stderr and "INFO apache_beam." in verbose.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "may_import_beam"),
    [
        (["--help"], 0, False),
        (["--version"], 0, False),
        (["embed", "--help"], 0, False),
        ([], 2, False),
        (["embd"], 2, False),
        (["embed", "--output", "o"], 2, False),
        (["embed", "--model", "m", "--input", "i", "--output", "o", "--engine", "q"], 2, False),
        (["embed", "--model", "m", "--input", "i", "--output", "o", "--max-tokens", "-1"], 2, False),
        (["embed", "--modle", "m", "--output", "o"], 2, True),  # Beam's flags are among the nearest
        (["compact"], 2, False),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_help_and_usage_errors_import_nothing_large(arguments: list[str], status: int, may_import_beam: bool) -> None:
    code = f"""
import sys
from albert_embed.pipeline.cli.main import main
status = main({arguments!r})
large = ("apache_beam", "grpc", "jax", "numpy", "openvino", "pyarrow", "rich", "tensorflow")
print(status, [name for name in large if name in sys.modules])
"""
    finished = run_code(code)
    found = finished.stdout.splitlines()[-1]
    allowed = ("apache_beam", "grpc", "numpy", "pyarrow") if may_import_beam else ()
    assert found.startswith(f"{status} ")
    assert [
        name
        for name in ("jax", "openvino", "rich", "tensorflow", "apache_beam", "numpy", "pyarrow", "grpc")
        if f"'{name}'" in found and name not in allowed
    ] == []
