"""Beam's own worker processes on one machine: two of them share the work, and their memory does not grow with it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.engines.runs import CountedRows, assert_same_rows, embed_in_process, make_lines, start_embed, write_lines

pytestmark = pytest.mark.integration
PROCESSES = ("--direct_running_mode", "multi_processing", "--direct_num_workers", "2")
LINES = 20_000


def embed(model: Path, source: Path, folder: Path) -> CountedRows:
    """Embeds into `folder/out` with two worker processes, and returns what they have counted."""
    counted = CountedRows(folder=folder / "counted")
    counted.folder.mkdir(parents=True)
    environment = {**os.environ, **counted.environment}
    assert start_embed(model, source, folder / "out", *PROCESSES, environment=environment).wait() == 0
    return counted


def test_one_file_is_embedded_by_both_processes_in_memory_that_does_not_grow(tiny_model: Path, tmp_path: Path) -> None:
    small = write_lines(tmp_path / "small.txt", make_lines(LINES // 10))
    large = write_lines(tmp_path / "large.txt", make_lines(LINES))
    before = embed(tiny_model, small, tmp_path / "small")
    after = embed(tiny_model, large, tmp_path / "large")
    after.assert_spread(LINES)
    assert after.peak_memory() <= 1.05 * before.peak_memory()
    assert_same_rows(tmp_path / "large" / "out", embed_in_process(tiny_model, large, tmp_path / "expected"))


def test_many_files_are_embedded_by_both_processes(tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    lines = list(make_lines(4000))
    for number in range(20):
        write_lines(folder / f"{number}.txt.gz", iter(lines[200 * number : 200 * (number + 1)]))
    embed(tiny_model, folder, tmp_path / "run").assert_spread(len(lines))
    assert_same_rows(tmp_path / "run" / "out", embed_in_process(tiny_model, folder, tmp_path / "expected"))


def test_one_compressed_file_is_embedded_once(tiny_model: Path, tmp_path: Path) -> None:
    """Its rows don't travel: what is shuffled here lies in memory."""
    source = write_lines(tmp_path / "in.txt.gz", make_lines(4000))
    counted = embed(tiny_model, source, tmp_path / "run")
    assert sum(counted.rows().values()) == 4000
    assert_same_rows(tmp_path / "run" / "out", embed_in_process(tiny_model, source, tmp_path / "expected"))
