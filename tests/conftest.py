"""What all tests share: no GPU, few log lines, and small models made once per session."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from pathlib import Path

import hypothesis
import pytest

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from albert_embed.transforms.process.cache_folder import CACHE_VARIABLE
from tests.emulators.fixtures import bucket, dataset, emulators, running_emulators  # noqa: F401
from tests.engines.fixtures import dataflow, recording_dataflow, remote_model, repeating_dataflow  # noqa: F401
from tests.tiny_model import ROOT, vocabulary_bytes, write_model, write_module

# The same examples in every run, and no limit of time: a test fails for what the code does, not for chance or a busy
# machine. To look for new ones: pytest --hypothesis-profile=default
hypothesis.settings.register_profile(
    "tests", deadline=None, derandomize=True, database=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("tests")


def pytest_configure() -> None:
    """Hides OpenVINO's reports over the network: tests import it, too, and it would fork their process."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keeps what no other process could be told out of a test's captured output: names of files that are not UTF-8."""
    report = yield
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared golden data, which a clone of the project does not have."""
    folder = Path(os.environ.get("ALBERT_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no shared folder at {folder}")
    return folder


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Transform graphs are kept for the session and the processes that it starts, and are not those of before."""
    os.environ[CACHE_VARIABLE] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of this test alone, which is not there yet."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of the tiny model. Tests must not change it."""
    output = tmp_path_factory.mktemp("tiny") / "model"
    write_model(output)
    return output


@pytest.fixture(scope="session")
def tiny_module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model as a TF1 Hub module, as published. Tests must not change it."""
    output = tmp_path_factory.mktemp("tiny") / "module"
    write_module(output)
    return output


@pytest.fixture(scope="session")
def vocabulary_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The vocabulary of the tiny model."""
    path = tmp_path_factory.mktemp("vocabulary") / "spiece.model"
    path.write_bytes(vocabulary_bytes())
    return path


@pytest.fixture(scope="session", params=["tensorflow", "openvino"])
def engine_name(request: pytest.FixtureRequest) -> str:
    """Each engine in turn; openvino is an extra, which `make test` installs."""
    if request.param == "openvino":
        pytest.importorskip("openvino")
    return str(request.param)
