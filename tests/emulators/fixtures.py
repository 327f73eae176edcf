"""The fixtures of tests against the emulators."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator

import pytest

from tests.emulators.servers import PYTHON, Emulators, run_emulators
from tests.tiny_model import ROOT


@pytest.fixture(scope="session")
def running_emulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulators]:
    """Both servers; `make test` installs them."""
    if not PYTHON.exists():
        pytest.skip(f"no emulators at {PYTHON.parent.parent}; `make test` installs them (Python 3.11 and up)")
    with run_emulators(tmp_path_factory.mktemp("emulators")) as emulators:
        yield emulators


@pytest.fixture
def emulators(running_emulators: Emulators, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulators]:
    """Both servers, with the clients of this process pointed at them."""
    import google.auth
    from apache_beam.internal.gcp import auth

    import albert_embed.pipeline.bigquery.clients as clients
    from tests.emulators.clients import use_emulators

    for name, value in running_emulators.environment.items():
        monkeypatch.setenv(name, value)
    for module, name in ((google.auth, "default"), (clients, "make_read_client"), (clients, "make_write_client")):
        monkeypatch.setattr(module, name, getattr(module, name))  # to be put back
    use_emulators()
    # Beam keeps the credentials that it found first.
    monkeypatch.setattr(auth._Credentials, "_credentials_init", False)
    monkeypatch.setattr(auth._Credentials, "_credentials", None)
    yield running_emulators


@pytest.fixture
def bucket(emulators: Emulators, request: pytest.FixtureRequest) -> str:
    """A new bucket, as `gs://NAME`."""
    from google.cloud import storage

    name = f"bucket-{zlib.crc32(request.node.nodeid.encode())}"
    storage.Client().create_bucket(name)
    return f"gs://{name}"


@pytest.fixture
def dataset(emulators: Emulators, request: pytest.FixtureRequest) -> str:
    """A new dataset of `test-project`."""
    from google.cloud import bigquery

    name = f"dataset_{zlib.crc32(request.node.nodeid.encode())}"
    bigquery.Client(project="test-project").create_dataset(name)
    return name


def command_environment(emulators: Emulators) -> dict[str, str]:
    """Returns the environment of a command that is run as a process and talks to the emulators."""
    site = ROOT / "tests" / "emulators" / "site"
    path = os.pathsep.join([str(site), str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, **emulators.environment, "PYTHONPATH": path}
