"""How an analysis is published."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from albert_embed.pipeline.analysis.analysis_directory import AnalysisDirectory
from albert_embed.pipeline.analysis.corpus_report import CorpusReport
from albert_embed.pipeline.storage.output_error import OutputError
from tests.pipeline.made_report import REPORT


def publish(path: Path, *, description: str, failures: list[str], overwrite: bool = False) -> CorpusReport:
    """Returns what a run does with its output, with a graph that is a text."""
    directory = AnalysisDirectory(str(path))
    directory.prepare(overwrite=overwrite)
    staged = path / "_staging" / "transform"
    for folder in ("transform_fn", "transformed_metadata"):
        (staged / folder).mkdir(parents=True)
        (staged / folder / "graph").write_text(description)
    (staged / "transform.json").write_text(description)
    files = []
    for number, content in enumerate(failures):
        files.append(path.parent / f"failures-{number}")
        files[-1].write_text(content)
    return directory.publish(REPORT, [str(file) for file in files])


def test_everything_is_in_place_and_nothing_else(tmp_path: Path) -> None:
    published = publish(tmp_path / "out", description="one", failures=["a\n", "b\n"])
    name = published.failures.file
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "analysis.json",
        "transform.json",
        "transform_fn",
        "transformed_metadata",
        name,
    }
    assert (tmp_path / "out" / name).read_text() == "a\nb\n"
    assert json.loads((tmp_path / "out" / "analysis.json").read_text())["failures"]["file"] == name


def test_a_graph_that_stays_the_same_is_not_touched(tmp_path: Path) -> None:
    first = publish(tmp_path / "out", description="one", failures=["a\n"])
    graph = tmp_path / "out" / "transform_fn" / "graph"
    before = graph.stat().st_ino
    second = publish(tmp_path / "out", description="one", failures=[], overwrite=True)
    assert graph.stat().st_ino == before
    assert not (tmp_path / "out" / first.failures.file).exists()
    assert (tmp_path / "out" / second.failures.file).read_text() == ""
    publish(tmp_path / "out", description="two", failures=[], overwrite=True)
    assert graph.read_text() == (tmp_path / "out" / "transform.json").read_text() == "two"


def test_a_run_that_was_cut_off_is_no_obstacle(tmp_path: Path) -> None:
    cut_off = AnalysisDirectory(str(tmp_path / "out"))
    cut_off.prepare(overwrite=False)
    cut_off.release()
    assert (tmp_path / "out" / "_staging" / "run.json").exists()
    publish(tmp_path / "out", description="one", failures=[])
    assert not (tmp_path / "out" / "_staging").exists()


def test_two_runs_at_once_are_refused(tmp_path: Path) -> None:
    first, second = AnalysisDirectory(str(tmp_path / "out")), AnalysisDirectory(str(tmp_path / "out"))
    first.prepare(overwrite=False)
    with pytest.raises(OutputError, match="is being written by another run"):
        second.prepare(overwrite=True)
    first.release()


@pytest.mark.parametrize(
    ("name", "overwrite", "message"),
    [
        ("manifest.json", False, r"holds embeddings \(manifest.json\)"),
        ("manifest.json", True, r"holds embeddings \(manifest.json\)"),
        ("analysis.json", False, "holds a finished analysis; give another --output, or --overwrite"),
        ("thesis.txt", False, r"already holds something \(thesis.txt\)"),
    ],
)
def test_what_is_there_is_not_written_over(tmp_path: Path, name: str, overwrite: bool, message: str) -> None:
    (tmp_path / name).write_text("{}")
    directory = AnalysisDirectory(str(tmp_path))
    with pytest.raises(OutputError, match=message):
        directory.prepare(overwrite=overwrite)
    assert {path.name for path in tmp_path.iterdir()} == {name}  # the lock is gone, too
