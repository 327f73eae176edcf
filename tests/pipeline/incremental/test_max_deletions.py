"""`--max-deletions` and `--compact-above`, run as commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from albert_embed import read_embeddings
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.versions import read_manifest
from tests.pipeline.embed_command import embed_command


@pytest.fixture
def dataset(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Returns a dataset of ten documents, made from `in.txt` beside it."""
    (tmp_path / "in.txt").write_text("".join(f"text {number}\n" for number in range(10)))
    assert main(make_command(tiny_model, tmp_path)) == 0
    capsys.readouterr()
    return tmp_path / "out"


def make_command(model: Path, folder: Path, *flags: str) -> list[str]:
    named = ["--model", str(model), "--input", str(folder / "in.txt"), "--output", str(folder / "out")]
    return ["embed", *named, "--sink", "parquet", "--incremental", "--json", *flags]


def keep_lines(folder: Path, count: int) -> None:
    (folder / "in.txt").write_text("".join(f"text {number}\n" for number in range(count)))


def read_result(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def list_published(dataset: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in dataset.iterdir() if path.is_file()}


def test_a_half_empty_input_deletes_nothing(
    dataset: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = list_published(dataset)
    keep_lines(dataset.parent, 7)
    assert main(make_command(tiny_model, dataset.parent, "--full-snapshot")) == 3
    result = read_result(capsys)
    assert (result["status"], result["exit_status"]) == ("too many deletions", 3)
    assert result["error"] == (
        "TooManyDeletionsError: the input lacks 3 of the 10 documents of the dataset, which --full-snapshot would "
        "delete; --max-deletions allows 20% of 10, that is 2. Nothing was published. Check that the input is "
        "complete; if it is, run the same command with --max-deletions 3"
    )
    assert list_published(dataset) == before

    assert main(make_command(tiny_model, dataset.parent, "--full-snapshot", "--max-deletions", "3")) == 0
    assert read_result(capsys)["changes"]["deleted"] == 3
    assert read_manifest(str(dataset)).counts.documents == 7


def test_ids_that_are_not_unique_any_more_count_as_deleted(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where a join has made several records of each."""
    source, output = tmp_path / "in.jsonl", tmp_path / "out"
    records = [{"id": number, "text": f"text {number}"} for number in range(10)]
    source.write_text("".join(json.dumps(record) + "\n" for record in records))
    command = embed_command(tiny_model, source, output, "--incremental")
    assert main(command) == 0
    more = [{"id": number, "text": f"other {number}"} for number in range(2)]
    source.write_text("".join(json.dumps(record) + "\n" for record in [*records[:9], *more]))
    capsys.readouterr()
    assert main([*command, "--json", "--full-snapshot"]) == 3
    assert read_result(capsys)["error"] == (
        "TooManyDeletionsError: the input lacks 1 of the 10 documents of the dataset, and has 2 with several contents "
        "under one id, which --full-snapshot would delete; --max-deletions allows 20% of 10, that is 2. Nothing was "
        "published. Check that the input is complete; if it is, run the same command with --max-deletions 3"
    )
    assert main([*command, "--full-snapshot", "--max-deletions", "3"]) == 0
    assert read_manifest(str(output)).counts.documents == 7


def test_what_the_default_allows_is_deleted(
    dataset: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_lines(dataset.parent, 8)
    assert main(make_command(tiny_model, dataset.parent, "--full-snapshot")) == 0
    assert read_result(capsys)["changes"]["deleted"] == 2


def test_other_readers_see_dead_rows_until_it_is_compacted(
    dataset: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_lines(dataset.parent, 8)
    assert main(make_command(tiny_model, dataset.parent, "--full-snapshot", "--compact-above", "20")) == 0
    assert "compacted" not in read_result(capsys)  # 2 of 10 are not above 20 per cent
    assert sum(pq.read_metadata(path).num_rows for path in dataset.glob("parquet/*")) == 10
    assert main(["inspect", str(dataset)]) == 0
    said = capsys.readouterr().out
    assert "dead rows" in said and "other readers see them" in said and "until albert-embed compact" in said

    assert main(make_command(tiny_model, dataset.parent, "--full-snapshot", "--compact-above", "19.9")) == 0
    assert read_result(capsys)["compacted"] is True
    assert sum(pq.read_metadata(path).num_rows for path in dataset.glob("parquet/*")) == 8
    assert sum(batch.num_rows for batch in read_embeddings(str(dataset))) == 8
    assert main(["inspect", str(dataset)]) == 0
    assert "other readers" not in capsys.readouterr().out
