"""Transform graphs kept on this machine: the same graph, whatever happens to the folder or beside it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from albert_embed.transforms.graph import graph_cache, transform_graph
from albert_embed.transforms.graph.graph_cache import (
    CONTENTS_FILE,
    MAX_GRAPHS,
    SWITCH_VARIABLE,
    keep_graph,
    list_sources,
    take_graph,
)
from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.graph.transform_graph import save_transform_graph
from albert_embed.transforms.process.cache_folder import CACHE_VARIABLE, open_cache_folder
from albert_embed.transforms.text.vocabulary import load_vocabulary
from tests.tiny_model import ROOT
from tests.waiting import HANGS_AFTER_SECONDS

FILES = {"transform_fn/saved_model.pb": b"graph", "transformed_metadata/schema.pbtxt": b"schema"}


@pytest.fixture(autouse=True)
def cache(cache_folder: Path) -> Path:
    """Where graphs are kept."""
    return cache_folder / "transforms"


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / "graph" / name).parent.mkdir(parents=True)
        (tmp_path / "graph" / name).write_bytes(content)
    return tmp_path / "graph"


def read(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_what_is_kept_is_given_back(graph: Path, cache: Path, tmp_path: Path) -> None:
    assert not take_graph("a", tmp_path / "before")
    keep_graph("a", graph)
    keep_graph("a", graph)  # as a process beside this one does
    assert take_graph("a", tmp_path / "found") and not take_graph("b", tmp_path / "other")
    assert read(tmp_path / "found") == FILES
    assert not (tmp_path / "before").exists() and not (tmp_path / "other").exists()
    (kept,) = cache.iterdir()
    assert cache.stat().st_mode & 0o077 == 0
    assert set(read(kept)) == {*FILES, CONTENTS_FILE}


@pytest.mark.parametrize("damage", ["changed", "removed", "added", "emptied"])
def test_a_damaged_graph_is_not_used(
    damage: str, graph: Path, cache: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keep_graph("a", graph)
    (kept,) = cache.iterdir()
    if damage == "changed":
        (kept / "transform_fn/saved_model.pb").write_bytes(b"other")
    elif damage == "removed":
        (kept / "transform_fn/saved_model.pb").unlink()
    elif damage == "added":
        (kept / "transform_fn/more").write_bytes(b"")
    else:
        (kept / CONTENTS_FILE).write_text("")
    assert not take_graph("a", tmp_path / "found")
    assert "is damaged, and is built again" in caplog.text
    assert not (tmp_path / "found").exists()
    keep_graph("a", graph)
    assert take_graph("a", tmp_path / "found")


def test_it_can_be_switched_off(graph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_graph("a", graph)
    monkeypatch.setenv(SWITCH_VARIABLE, "off")
    assert not take_graph("a", tmp_path / "found")
    keep_graph("b", graph)
    monkeypatch.delenv(SWITCH_VARIABLE)
    assert not take_graph("b", tmp_path / "found")


def test_a_folder_that_can_not_be_made_is_no_error(
    graph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    keep_graph("a", graph)
    assert not take_graph("a", tmp_path / "found")
    assert "transform graphs can't be kept for later runs" in caplog.text


def test_a_folder_of_another_user_is_not_used(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = os.getuid()
    open_cache_folder("transforms", below="transforms")
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    with pytest.raises(PermissionError) as error:
        open_cache_folder("transforms", below="transforms")
    assert str(error.value) == f"{cache} belongs to another user; name a folder of your own in {CACHE_VARIABLE}"


def test_graphs_used_longest_ago_go_first(graph: Path, cache: Path, tmp_path: Path) -> None:
    for number in range(MAX_GRAPHS):
        keep_graph(str(number), graph)
        for kept in cache.iterdir():
            if kept.stat().st_mtime > time.time() - 1000:
                os.utime(kept, (number, number))
    dead = cache / "x.0.unfinished"
    dead.mkdir()
    os.utime(dead, (0, 0))
    assert take_graph("0", tmp_path / "first")  # so it is not the one used longest ago
    keep_graph("one more", graph)
    assert len(list(cache.iterdir())) == MAX_GRAPHS and not dead.exists()
    assert take_graph("0", tmp_path / "again") and take_graph("one more", tmp_path / "more")
    assert not take_graph("1", tmp_path / "gone")


def test_other_programs_have_other_graphs(graph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_graph("a", graph)
    monkeypatch.setattr(graph_cache, "_fingerprint_sources", lambda: "as changed by a developer")
    assert not take_graph("a", tmp_path / "found")


def test_a_graph_is_built_once(vocabulary_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vocabulary = load_vocabulary(str(vocabulary_file))
    config = PreprocessingConfig(lower_case=True, max_tokens=20)
    first = save_transform_graph(vocabulary, config, str(tmp_path / "first"))

    def refuse(*_: object) -> None:
        raise AssertionError("it is built again")

    monkeypatch.setattr(transform_graph, "_write_graph", refuse)
    assert save_transform_graph(vocabulary, config, str(tmp_path / "second")) == first
    assert read(tmp_path / "second") == read(tmp_path / "first")
    with pytest.raises(AssertionError, match="built again"):
        save_transform_graph(vocabulary, PreprocessingConfig(lower_case=True, max_tokens=21), str(tmp_path / "third"))


@pytest.mark.integration
def test_processes_at_once(graph: Path, cache: Path, tmp_path: Path) -> None:
    program = """
import pathlib, sys
from albert_embed.transforms.graph.graph_cache import keep_graph, take_graph
graph, found = map(pathlib.Path, sys.argv[1:])
for number in range(40):
    keep_graph(str(number % 5), graph)
    assert take_graph(str(number % 5), found / str(number)), number
"""
    processes = [
        subprocess.Popen([sys.executable, "-c", program, graph, tmp_path / f"found{number}"], cwd=ROOT)
        for number in range(4)
    ]
    assert [process.wait(timeout=HANGS_AFTER_SECONDS) for process in processes] == [0] * 4
    assert len(list(cache.iterdir())) == 5
    for number in range(4):
        assert all(read(folder) == FILES for folder in (tmp_path / f"found{number}").iterdir())


def test_every_program_of_the_package_counts() -> None:
    programs = (ROOT / "transforms").rglob("*.py")
    assert set(list_sources()) == {path.relative_to(ROOT / "transforms").as_posix() for path in programs}
