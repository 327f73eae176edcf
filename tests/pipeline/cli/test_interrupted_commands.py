"""What a command says where it is interrupted: true in each of its phases, and the remedy works."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from albert_embed import read_embeddings
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.versions import list_versions
from benchmarks.synthetic_dataset import Rows, SyntheticDataset, make_vectors
from tests.engines.runs import make_lines, write_lines

COMMIT, PUBLICATION = "albert_embed.pipeline.commit", "albert_embed.pipeline.publication"
UNCHANGED = "nothing was changed; run the same command again"


def interrupt(*_: Any, **__: Any) -> Any:
    """Does what Ctrl-C does, but sends no signal."""
    handler: Any = signal.getsignal(signal.SIGINT)
    handler(signal.SIGINT, None)


@pytest.fixture
def run_interrupted(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that is interrupted where it calls something; gives what it says has been left."""

    def run(place: str, arguments: list[str]) -> str:
        capsys.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(place, interrupt)
            assert main(arguments) == 130
        captured = capsys.readouterr()
        start = f"albert-embed {arguments[0]}: interrupted by SIGINT; "
        (line,) = [line for line in captured.err.splitlines() if line.startswith(start)]
        assert captured.err.splitlines()[-1] == line and "Traceback" not in captured.err
        return line.removeprefix(start)

    return run


def make_rows(*ids: str) -> list[list[Rows]]:
    (vectors,) = make_vectors(len(ids), 4, np.random.default_rng(len(ids)))
    return [[Rows(ids=ids, vectors=vectors)]]


@pytest.mark.parametrize(
    ("place", "published"),
    [
        (f"{COMMIT}.transaction.open_output", False),
        (f"{COMMIT}.transaction.write_plan", False),
        (f"{COMMIT}.publish.create_version", False),
        (f"{COMMIT}.publish.copy_manifest", True),
        (f"{COMMIT}.publish._remove_old_versions", True),
        (f"{COMMIT}.transaction.clear_staged", True),
    ],
)
@pytest.mark.parametrize("command", ["compact", "index"])
def test_compact_and_index(
    tmp_path: Path, run_interrupted: Callable[..., str], command: str, place: str, published: bool
) -> None:
    output = str(tmp_path)
    dataset = SyntheticDataset(output, width=4)
    dataset.publish(make_rows("a", "b", "c"))
    dataset.add(make_rows("d"), dead=["a"])
    left = run_interrupted(place, [command, output])
    assert left == (
        f"version 3 of {output} is published, and the next run does what is left" if published else UNCHANGED
    )
    assert max(list_versions(output)) == 2 + published
    assert main([command, output]) == 0
    dataset.add(make_rows("e"), dead=[])
    assert list_versions(output) == [4] and not (tmp_path / "_staging").exists()
    assert sum(batch.num_rows for batch in read_embeddings(output)) == 4


def test_when_all_is_done_but_the_printing(tmp_path: Path, run_interrupted: Callable[..., str]) -> None:
    SyntheticDataset(str(tmp_path), width=4).publish(make_rows("a", "b"))
    left = run_interrupted("albert_embed.pipeline.cli.main.Output.print_result", ["index", str(tmp_path)])
    assert left == "the command had done its work (published)"


def test_what_can_not_be_found_out(
    tmp_path: Path, run_interrupted: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    SyntheticDataset(str(tmp_path), width=4).publish(make_rows("a", "b"))
    answers = iter([1])
    monkeypatch.setattr(f"{COMMIT}.transaction.find_latest_number", lambda _: next(answers))
    left = run_interrupted(f"{COMMIT}.index_output.index_output", ["index", str(tmp_path)])
    assert left == "what it has left could not be found out (StopIteration: ); run the same command again"


SHARDS = "finished shards kept in {output}/_staging: 1; run the same command again to go on from there"


@pytest.mark.integration
@pytest.mark.parametrize(
    ("place", "left", "remedy"),
    [
        ("albert_embed.pipeline.job.job.prepare_run", UNCHANGED, "again"),
        ("albert_embed.pipeline.job.job.find_latest", "nothing was published; run the same command again", "again"),
        (f"{PUBLICATION}.commit_run.plan_run", f"nothing was published; {SHARDS}", "again"),
        (
            f"{PUBLICATION}.commit_run.move_files",
            "nothing is published yet, but all is ready: run `albert-embed publish {output}`, or the same command "
            "again",
            "publish",
        ),
        (
            f"{COMMIT}.publish.copy_manifest",
            "version 1 of {output} is published, but not all that follows is done: run `albert-embed publish {output}`",
            "publish",
        ),
        ("albert_embed.pipeline.job.job.read_published", "version 1 of {output} is published", ""),
    ],
)
def test_embed(
    tiny_model: Path, tmp_path: Path, run_interrupted: Callable[..., str], place: str, left: str, remedy: str
) -> None:
    output = str(tmp_path / "out")
    source = write_lines(tmp_path / "in.txt", make_lines(20))
    arguments = ["embed", "--model", str(tiny_model), "--input", str(source), "--output", output]
    assert run_interrupted(place, arguments) == left.format(output=output)
    if remedy:
        assert main(arguments if remedy == "again" else ["publish", output]) == 0
    assert list_versions(output) == [1]
    assert sum(batch.num_rows for batch in read_embeddings(output)) == 20


@pytest.mark.integration
def test_embed_that_compacts_and_one_that_changes_nothing(
    tiny_model: Path, tmp_path: Path, run_interrupted: Callable[..., str]
) -> None:
    output, source = str(tmp_path / "out"), tmp_path / "in.jsonl"
    arguments = ["embed", "--model", str(tiny_model), "--input", str(source), "--output", output, "--incremental"]
    arguments += ["--compact-above", "10"]
    for number in range(2):
        lines = [f'{{"id": "{line}", "text": "line {line}, {max(line, number * 5)}"}}' for line in range(10)]
        source.write_text("\n".join(lines) + "\n")
        if not number:
            assert main(arguments) == 0
    # Beam makes something else of an interruption there; the run has ended well, and does not go on to compact.
    assert run_interrupted(f"{PUBLICATION}.commit_run.clear_staged", arguments) == f"version 2 of {output} is published"
    assert run_interrupted(f"{COMMIT}.compact._write_rows", arguments) == (
        f"version 2 of {output} is published, but not compacted: run `albert-embed compact {output}`"
    )
    assert run_interrupted(f"{COMMIT}.transaction.clear_staged", arguments) == (
        f"version 2 of {output} is published, and compacted as version 3"
    )
    assert run_interrupted("albert_embed.pipeline.job.submit_run._find_verdict", arguments) == (
        f"there was nothing to change in {output}"
    )


@pytest.mark.integration
def test_report_analyze_and_export(
    tiny_model: Path, tiny_module: Path, tmp_path: Path, run_interrupted: Callable[..., str]
) -> None:
    dataset, page, atlas = str(tmp_path / "out"), str(tmp_path / "page.html"), str(tmp_path / "atlas.parquet")
    source = write_lines(tmp_path / "in.txt", make_lines(20))
    embed = ["embed", "--model", str(tiny_model), "--input", str(source), "--output", dataset, "--embeddings", "mean"]
    assert main(embed) == 0
    report = ["report", dataset, "--output", page, "--atlas", atlas]
    write = "albert_embed.pipeline.report.write_report"
    assert run_interrupted(f"{write}.describe_dataset", report) == UNCHANGED
    assert run_interrupted(f"{write}.write_atlas", report) == (
        f"{page} is written, {atlas} is not; run the same command again"
    )
    analysis = str(tmp_path / "analysis")
    analyze = ["analyze", "--model", str(tiny_model), "--input", str(source), "--output", analysis]
    directory = "albert_embed.pipeline.analysis.analysis_directory"
    for place, left in (
        ("albert_embed.pipeline.analysis.analyze.run_pass", "nothing was published; run the same command again"),
        (f"{directory}.copy_directory", f"the analysis in {analysis} is not whole; run the same command again"),
        (f"{directory}.AnalysisDirectory.release", f"the analysis is published in {analysis}"),
    ):
        assert run_interrupted(place, analyze) == left
    export = ["export", "--source", str(tiny_module), "--output", str(tmp_path / "model")]
    assert run_interrupted("albert_embed.model.export.export.save_encoder", export) == UNCHANGED
    assert run_interrupted("albert_embed.pipeline.cli.export._make_table", export) == (
        f"the export is in {tmp_path / 'model'}"
    )
