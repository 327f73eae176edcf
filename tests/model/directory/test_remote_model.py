"""Models in buckets, against the emulator."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from apache_beam.io.filesystems import FileSystems

from albert_embed.model.directory.locate import locate_model
from albert_embed.model.directory.model_directory import ModelDirectoryError, open_model_directory
from albert_embed.model.directory.remote_model import CONTENTS_FILE, fetch_model, is_whole
from albert_embed.transforms.process.cache_folder import CACHE_VARIABLE
from tests.emulators.fixtures import command_environment
from tests.emulators.servers import Emulators
from tests.tiny_model import ROOT

FILES = {"saved_model.pb": b"graph", "variables/variables.index": b"index", "assets/spiece.model": b"pieces" * 1000}
pytestmark = pytest.mark.usefixtures("cache_folder")


def write(path: str, content: bytes) -> None:
    with FileSystems.create(path, compression_type="uncompressed") as file:
        file.write(content)


@pytest.fixture
def remote(bucket: str) -> str:
    """A folder of a bucket that holds `FILES`."""
    for name, content in FILES.items():
        write(f"{bucket}/models/tiny/{name}", content)
    write(f"{bucket}/models/tiny_2/saved_model.pb", b"of another model")
    return f"{bucket}/models/tiny"


@pytest.mark.integration
def test_a_model_is_copied_whole(remote: str, cache_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    folder = locate_model(remote)
    assert folder.parent == cache_folder
    copied = {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    contents = json.loads(copied.pop(CONTENTS_FILE))
    assert copied == FILES
    assert {name: described["bytes"] for name, described in contents.items()} == {
        name: len(content) for name, content in FILES.items()
    }
    assert fetch_model(f"{remote}/") != folder  # another name, whatever it holds
    assert fetch_model(remote) == folder
    assert [
        record.message.split(",")[0]
        for record in caplog.records
        if record.name == "albert_embed.model.directory.remote_model"
    ] == [
        f"copied {remote}",
        f"copied {remote}/",
    ]


@pytest.mark.integration
@pytest.mark.parametrize("damage", ["other", "shorter", "gone"])
def test_a_damaged_copy_is_made_again(remote: str, damage: str) -> None:
    file = fetch_model(remote) / "assets" / "spiece.model"
    if damage == "gone":
        file.unlink()
    else:
        content = file.read_bytes()
        file.write_bytes(b"x" + content[1:] if damage == "other" else content[:-1])
    assert not is_whole(file.parent.parent)
    assert fetch_model(remote) == file.parent.parent
    assert file.read_bytes() == FILES["assets/spiece.model"]


@pytest.mark.integration
def test_a_model_that_was_replaced_is_copied_anew(remote: str) -> None:
    first = fetch_model(remote)
    write(f"{remote}/saved_model.pb", b"grape")
    second = fetch_model(remote)
    assert (first / "saved_model.pb").read_bytes() == b"graph"
    assert (second / "saved_model.pb").read_bytes() == b"grape"


@pytest.mark.integration
def test_what_arrives_damaged_is_refused(remote: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FileSystems, "checksum", staticmethod(lambda path: "AAAAAA=="))
    with pytest.raises(ModelDirectoryError, match=r"has the CRC-32C AAAAAA==, what arrived has .*; run again$"):
        fetch_model(remote)


@pytest.mark.integration
def test_nothing_there(bucket: str) -> None:
    with pytest.raises(ModelDirectoryError, match=rf"^there is nothing at '{bucket}/models/none'; give the folder"):
        locate_model(f"{bucket}/models/none")
    with pytest.raises(ModelDirectoryError, match=r"^'gs://no-such-bucket-here/m' can't be listed"):
        locate_model("gs://no-such-bucket-here/m")


@pytest.mark.integration
def test_two_processes_make_one_copy(remote: str, emulators: Emulators, cache_folder: Path) -> None:
    program = (
        "import logging, sys; logging.basicConfig(level='INFO'); "
        "from albert_embed.model.directory.remote_model import fetch_model; "
        "print(fetch_model(sys.argv[1]))"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, remote],
            cwd=ROOT,
            env={**command_environment(emulators), CACHE_VARIABLE: str(cache_folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert outputs[0][0] == outputs[1][0]
    assert sum(errors.count("copied gs://") for _, errors in outputs) == 1
    assert is_whole(Path(outputs[0][0].strip()))


@pytest.mark.integration
def test_a_model_in_a_bucket_says_the_same(bucket: str, tiny_model: Path) -> None:
    for file in tiny_model.rglob("*"):
        if file.is_file():
            write(f"{bucket}/tiny/{file.relative_to(tiny_model).as_posix()}", file.read_bytes())
    assert (
        open_model_directory(locate_model(f"{bucket}/tiny")).fingerprint == open_model_directory(tiny_model).fingerprint
    )
