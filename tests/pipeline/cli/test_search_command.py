"""`albert-embed search` and `albert-embed report`, from the command line to what they print and write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from albert_embed.pipeline.cli.main import main
from tests.tiny_model import CORPUS

TEXTS = [line for line in CORPUS.read_text(encoding="utf-8").splitlines() if line.strip()][:40]


@pytest.fixture(scope="module")
def dataset(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("searched")
    records = [{"id": f"n{number}", "text": text, "title": text[:9]} for number, text in enumerate(TEXTS)]
    (directory / "in.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    flags = ["--embeddings", "mean", "--keep-fields", "title"]
    arguments = ["--model", str(tiny_model), "--input", str(directory / "in.jsonl"), "--output", str(directory / "out")]
    assert main(["embed", *arguments, *flags]) == 0
    return directory / "out"


def test_a_query_finds_its_own_text(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["search", str(dataset), TEXTS[5], "-k", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["status"], found["embedding"], found["metric"]) == ("found", "mean", "cosine")
    ((query, hits),) = [(entry["query"], entry["hits"]) for entry in found["queries"]]
    assert query == TEXTS[5] and len(hits) == 3
    assert hits[0]["id"] == "n5" and hits[0]["title"] == TEXTS[5][:9]
    assert hits[0]["score"] == pytest.approx(1, abs=1e-5)
    assert main(["search", str(dataset), TEXTS[5]]) == 0
    printed = capsys.readouterr().out
    assert "1.0000" in printed and "n5" in printed


def test_the_query_stands_in_one_line_above_a_narrow_table(
    dataset: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    capsys.readouterr()
    assert main(["search", str(dataset), "a query that is longer than a row of the table", "-k", "1"]) == 0
    first, second = capsys.readouterr().out.splitlines()[:2]
    assert first == "a query that is longer than a row of the table (mean, cosine)"
    assert second.startswith("┏") and len(second) < len(first)


def test_an_output_without_rows_is_said_to_hold_none(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.txt").write_text("")
    output = str(tmp_path / "out")
    arguments = ["--model", str(tiny_model), "--input", str(tmp_path / "in.txt"), "--output", output]
    assert main(["embed", *arguments, "--embeddings", "mean"]) == 0
    capsys.readouterr()
    assert main(["search", output, "a family"]) == 0
    assert capsys.readouterr().out == f"a family (mean, cosine)\nno hits: {output} holds no rows\n"


def test_many_queries_from_a_file(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "queries.txt").write_text(f"{TEXTS[2]}\n\n{TEXTS[9]}\n", encoding="utf-8-sig")
    capsys.readouterr()
    assert main(["search", str(dataset), "--queries", str(tmp_path / "queries.txt"), "-k", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [entry["hits"][0]["id"] for entry in found["queries"]] == ["n2", "n9"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give a query or --queries FILE, one of the two"),
        (["a", "--queries", "b"], "give a query or --queries FILE, one of the two"),
        (["a", "-k", "0"], "-k must be at least 1, not 0"),
        (["  "], "the query '  ' is empty"),
        (["a", "--embedding", "pooled"], "--embedding is 'pooled', which can't be searched here; choose from mean"),
    ],
)
def test_what_can_not_be_searched_for(
    dataset: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["search", str(dataset), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_file_of_queries_must_be_utf_8(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "queries.txt").write_bytes(b"good\n\xff\n")
    assert main(["search", str(dataset), "--queries", str(tmp_path / "queries.txt")]) == 2
    assert "queries.txt is not UTF-8 at byte 5; convert the file to UTF-8" in capsys.readouterr().err


def test_a_file_without_queries(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "queries.txt").write_text("\n \n")
    assert main(["search", str(dataset), "--queries", str(tmp_path / "queries.txt")]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"albert-embed search: --queries {tmp_path}/queries.txt holds no query; write one in each line"
    )


def test_a_file_of_queries_that_is_not_there(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path, why in ((tmp_path / "none.txt", "No such file or directory"), (tmp_path, "Is a directory")):
        assert main(["search", str(dataset), "--queries", str(path)]) == 2
        assert capsys.readouterr().err.splitlines()[-1] == (
            f"albert-embed search: --queries {path} can't be read: {why}; give a file that has a query in each line"
        )


def test_a_page_of_a_dataset(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    capsys.readouterr()
    assert main(["report", str(dataset), "--output", str(page), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == page.stat().st_size
    content = page.read_text(encoding="utf-8")
    assert f"<b>{len(TEXTS)}</b>documents" in content and "mean_output" in content
    assert content.count("<circle") == len(TEXTS)
    assert main(["report", str(dataset)]) == 0
    assert (dataset / "report.html").read_text(encoding="utf-8") == content


def test_a_page_of_an_analysis(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("".join(f"{text}\n" for text in TEXTS), encoding="utf-8")
    output = tmp_path / "analysis"
    arguments = ["--model", str(tiny_model), "--input", str(tmp_path / "in.txt"), "--output", str(output)]
    assert main(["analyze", *arguments, "--max-tokens", "12"]) == 0
    assert main(["report", str(output)]) == 0
    content = (output / "report.html").read_text(encoding="utf-8")
    assert f"<b>{len(TEXTS)}</b>documents" in content and "truncating them leaves out" in content


def test_a_directory_of_something_else_has_no_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == 2
    assert "holds neither manifest.json nor analysis.json" in capsys.readouterr().err
