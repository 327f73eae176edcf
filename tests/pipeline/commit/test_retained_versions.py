"""How many versions an output keeps: as many as its last run was told, whichever command comes next."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.versions import list_versions, read_manifest, read_version
from benchmarks.synthetic_dataset import Rows, SyntheticDataset, make_vectors

TOLD = "keeps 2 earlier versions, as its last run was told; --retain sets another number"


def make_rows(*ids: str) -> list[list[Rows]]:
    (vectors,) = make_vectors(len(ids), 4, np.random.default_rng(len(ids)))
    return [[Rows(ids=ids, vectors=vectors)]]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main([*arguments, "--json"]) == 0
    record: dict[str, Any] = json.loads(capsys.readouterr().out)
    return record


def check_readable(directory: Path, numbers: list[int]) -> None:
    """Checks that these versions are there with all their files, and no others."""
    assert list_versions(str(directory)) == numbers
    named = {file.path for number in numbers for file in read_version(str(directory), number).files}
    folders = ("parquet", "_index", "_tombstones", "_search")
    there = (path for folder in folders for path in (directory / folder).glob("*"))
    assert {str(path.relative_to(directory)) for path in there} == named


@pytest.fixture
def dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> SyntheticDataset:
    """Three versions, of which a nightly run has been told to keep two before the latest."""
    made = SyntheticDataset(str(tmp_path), width=4)
    made.publish(make_rows("a", "b", "c"))
    assert run(capsys, "compact", str(tmp_path), "--retain", "2")["retain"] == 2
    for name in ("d", "e"):
        made.add(make_rows(name), dead=["a"])
    check_readable(tmp_path, [1, 2, 3])
    return made


def test_inspect_says_how_many_are_kept_and_which_are_readable(
    dataset: SyntheticDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(capsys, "inspect", str(tmp_path))
    assert (found["version"], found["retain"], found["retained"]) == (3, 2, [1, 2])
    assert main(["inspect", str(tmp_path)]) == 0
    assert "2 (--retain); readable: 1, 2" in capsys.readouterr().out
    run(capsys, "compact", str(tmp_path), "--retain", "0")
    found = run(capsys, "inspect", str(tmp_path))
    assert (found["version"], found["retain"], found["retained"]) == (4, 0, [])
    assert main(["inspect", str(tmp_path)]) == 0
    assert "0 (--retain)" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["compact", "index"])
def test_a_command_that_is_not_told_keeps_as_many_as_before_and_says_so(
    dataset: SyntheticDataset,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    command: str,
) -> None:
    with caplog.at_level("INFO"):
        assert main([command, str(tmp_path)]) == 0
    assert f"{tmp_path} {TOLD}" in caplog.messages
    assert "earlier versions kept │ 2" in " ".join(capsys.readouterr().out.split())
    check_readable(tmp_path, [2, 3, 4])
    dataset.add(make_rows("f"), dead=[])
    check_readable(tmp_path, [3, 4, 5])
    assert read_manifest(str(tmp_path)).retain == 2


@pytest.mark.parametrize("command", ["compact", "index"])
@pytest.mark.parametrize(("retain", "kept"), [("0", [4]), ("1", [3, 4]), ("9", [1, 2, 3, 4])])
def test_a_command_that_is_told_keeps_so_many_and_so_does_the_next(
    dataset: SyntheticDataset,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    retain: str,
    kept: list[int],
) -> None:
    assert run(capsys, command, str(tmp_path), "--retain", retain)["retain"] == int(retain)
    check_readable(tmp_path, kept)
    dataset.add(make_rows("f"), dead=[])
    check_readable(tmp_path, [*kept, 5][-1 - int(retain) :])


@pytest.mark.parametrize("command", ["compact", "index"])
def test_where_there_is_nothing_else_to_do_old_versions_go_all_the_same(
    dataset: SyntheticDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    run(capsys, command, str(tmp_path))
    again = run(capsys, command, str(tmp_path))
    assert (again["status"], again["retain"]) == ("unchanged", 2)
    check_readable(tmp_path, [2, 3, 4])
    last = run(capsys, command, str(tmp_path), "--retain", "0")
    assert (last["status"], last["retain"]) == ("unchanged", 0)
    check_readable(tmp_path, [4])
    assert read_manifest(str(tmp_path)).retain == 0 == json.loads((tmp_path / "manifest.json").read_text())["retain"]


def test_a_version_of_before_this_was_known_keeps_what_its_run_was_told(dataset: SyntheticDataset) -> None:
    fields = read_manifest(dataset.directory).to_dict()
    del fields["retain"]
    for told, kept in (({}, 0), ({"retain": 3}, 3), ({"retain": None}, 0)):
        assert Manifest.from_dict({**fields, "options": {**fields["options"], **told}}).retain == kept
