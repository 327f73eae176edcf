"""Prism, Beam's local runner in Go: a smoke test."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import apache_beam
import pytest

from deploy.flink.fetch import UnavailableError, cache_folder, find_program, run
from tests.engines.runs import assert_same_rows, embed_in_process, make_lines, start_embed, write_lines
from tests.waiting import wait_until

pytestmark = pytest.mark.integration
LINES = 300


@pytest.fixture(scope="module")
def prism() -> Path:
    """The program, built once at Beam's version."""
    folder = cache_folder() / f"prism-{apache_beam.__version__}"
    try:
        if not (folder / "prism").exists():
            folder.mkdir(parents=True, exist_ok=True)
            module = f"github.com/apache/beam/sdks/v2/go/cmd/prism@v{apache_beam.__version__}"
            run([find_program("go"), "install", module], environment={"GOBIN": str(folder)})
    except UnavailableError as e:
        pytest.skip(f"no Prism here: {e}")
    return folder / "prism"


def prism_flags(prism: Path) -> list[str]:
    return ["--runner", "PrismRunner", "--prism_location", str(prism)]


def list_prism(prism: Path) -> set[int]:
    """Returns the process ids of all Prisms that run."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "exe") == str(prism.resolve()):
                found.add(int(process.name))
        except OSError:
            continue
    return found


def test_a_full_run_and_one_that_adds_to_it(prism: Path, tiny_model: Path, tmp_path: Path) -> None:
    before = list_prism(prism)
    source, output = tmp_path / "in.txt", tmp_path / "out"
    more = ("--incremental", "--full-snapshot", "--sink", "tfrecord,parquet")
    for first, lines in (("the first", LINES), ("another", LINES - 5)):
        write_lines(source, iter([first, *make_lines(lines)]))
        limit = ("--max-deletions", "6") if output.exists() else ()
        assert start_embed(tiny_model, source, output, *more, *limit, *prism_flags(prism)).wait() == 0
    assert_same_rows(output, embed_in_process(tiny_model, source, tmp_path / "expected"))
    assert list_prism(prism) == before


def test_no_prism_is_left_behind_where_the_driver_is_killed(prism: Path, tiny_model: Path, tmp_path: Path) -> None:
    before = list_prism(prism)
    source = write_lines(tmp_path / "in.txt", make_lines(20_000))
    process = start_embed(tiny_model, source, tmp_path / "out", *prism_flags(prism))
    try:
        wait_until(lambda: list_prism(prism) - before, process=process)
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_until(lambda: list_prism(prism) == before)
    finally:
        for left in list_prism(prism) - before:
            os.kill(left, signal.SIGKILL)
    assert not (tmp_path / "out" / "manifest.json").exists()
