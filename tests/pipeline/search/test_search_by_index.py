"""`albert-embed search` by an index, from the command line: the same hits as without, and when it compares all rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.search.search_dataset import DatasetSearch
from albert_embed.pipeline.search.vector_store import VectorStore
from tests.pipeline.search.test_search_dataset import TEXTS, embed

pytestmark = pytest.mark.integration


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main([*arguments, "--json"]) == 0
    record: dict[str, Any] = json.loads(capsys.readouterr().out)
    return record


def check_same_hits(capsys: pytest.CaptureFixture[str], *search: str) -> dict[str, Any]:
    """Searches by the index and exactly, and returns the first result."""
    found, exact = run_json(capsys, *search), run_json(capsys, *search, "--exact")
    assert (found["index"], exact["index"]) == ("used", "none")
    for one, other in zip(found["queries"], exact["queries"], strict=True):
        assert one["query"] == other["query"] and len(one["hits"]) == len(other["hits"])
        for hit, expected in zip(one["hits"], other["hits"], strict=True):
            assert hit["score"] == pytest.approx(expected["score"], abs=1e-6)
            assert {**hit, "score": None} == {**expected, "score": None}
    return found


def test_hits_are_the_same_with_and_without(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--embeddings", "pooled,mean", "--keep-fields", "n:int64,text", "--max-tokens", "40", "--sink", "parquet"]
    output = str(embed(tiny_model, tmp_path, *flags))
    assert run_json(capsys, "search", output, TEXTS[3])["index"] == "none"
    assert run_json(capsys, "index", output)["index"]["embedding"] == "mean"
    queries = tmp_path / "queries.txt"
    queries.write_text("\n".join([TEXTS[11], "", "something that the corpus does not have"]), encoding="utf-8")
    found = check_same_hits(capsys, "search", output, "--queries", str(queries), "-k", "4")
    assert found["queries"][0]["hits"][0]["n"] == 11 and found["queries"][0]["hits"][0]["text"] == TEXTS[11]
    assert len(check_same_hits(capsys, "search", output, TEXTS[11], "-k", "1000")["queries"][0]["hits"]) == len(TEXTS)
    # The index is of another embedding, or of another metric.
    assert run_json(capsys, "search", output, TEXTS[3], "--embedding", "pooled")["index"] == "none"
    assert run_json(capsys, "search", output, TEXTS[3], "--metric", "dot")["index"] == "none"


def test_an_open_dataset_searches_by_its_index(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = str(embed(tiny_model, tmp_path, "--embeddings", "mean", "--index"))
    with DatasetSearch(output, exact=True) as exactly:
        expected = exactly.search(TEXTS[3], "another", hits=4)
        by_dot = exactly.search(TEXTS[3], hits=4, metric="dot")
    stores: list[int] = []
    monkeypatch.setattr(VectorStore, "__enter__", lambda store: stores.append(len(store)) or store)  # type: ignore[func-returns-value]
    with DatasetSearch(output) as search:
        embed(tiny_model, tmp_path, "--embeddings", "mean", "--overwrite", texts=TEXTS[:2])
        for found, wanted in zip(search.search(TEXTS[3], "another", hits=4), expected, strict=True):
            assert [hit.row for hit in found] == [hit.row for hit in wanted]
            assert [hit.score for hit in found] == pytest.approx([hit.score for hit in wanted], abs=1e-6)
        assert stores == []
        assert search.search(TEXTS[3], hits=4, metric="dot") == by_dot
        assert stores == [len(TEXTS)]


def test_an_index_of_an_earlier_version_is_not_used(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    flags = ["--embeddings", "mean", "--incremental"]
    output = str(embed(tiny_model, tmp_path, *flags, texts=[*TEXTS[:20], TEXTS[5]]))  # one text under two ids
    run_json(capsys, "index", output)
    assert len(check_same_hits(capsys, "search", output, TEXTS[5], "-k", "2")["queries"][0]["hits"]) == 2
    changed = ["something else entirely" if number == 7 else text for number, text in enumerate(TEXTS[:25])]
    embed(tiny_model, tmp_path, *flags, texts=changed)
    with caplog.at_level("INFO"):
        stale = run_json(capsys, "search", output, TEXTS[7], "-k", "30")
    assert stale["index"] == "stale" and len(stale["queries"][0]["hits"]) == 25
    assert f"the index is of version 2, the output is version 3; `albert-embed index {output}` renews it" in caplog.text
    assert run_json(capsys, "index", output)["index"]["removed"] == 2
    found = check_same_hits(capsys, "search", output, TEXTS[7], "-k", "30")
    assert sorted(hit["id"] for hit in found["queries"][0]["hits"]) == sorted(map(str, range(25)))
    assert found["queries"][0]["hits"][0]["score"] < 0.9999


def test_windows_and_documents(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = [" ".join(TEXTS[start : start + 8]) for start in range(0, 40, 4)]
    flags = [
        "--embeddings",
        "mean,document",
        "--long-documents",
        "window",
        "--max-tokens",
        "32",
        "--window-overlap",
        "8",
    ]
    output = str(embed(tiny_model, tmp_path, *flags, texts=texts))
    assert run_json(capsys, "index", output)["index"]["rows"] == len(texts)
    check_same_hits(capsys, "search", output, TEXTS[3], "-k", "5")
    windows = run_json(capsys, "index", output, "--embedding", "mean")["index"]["rows"]
    assert windows > len(texts)
    found = check_same_hits(capsys, "search", output, TEXTS[3], "-k", "20", "--embedding", "mean")
    ids = [hit["id"] for hit in found["queries"][0]["hits"]]
    assert len(set(ids)) < len(ids)


def test_in_a_bucket(tiny_model: Path, tmp_path: Path, bucket: str, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "in.txt"
    source.write_text("\n".join(TEXTS), encoding="utf-8")
    output = f"{bucket}/out"
    arguments = [
        "embed",
        "--model",
        str(tiny_model),
        "--input",
        str(source),
        "--output",
        output,
        "--embeddings",
        "mean",
    ]
    assert main(arguments) == 0
    assert run_json(capsys, "index", output)["index"]["rows"] == len(TEXTS)
    check_same_hits(capsys, "search", output, TEXTS[3], "-k", "5")
    assert run_json(capsys, "index", output, "--rebuild")["status"] == "published"
    check_same_hits(capsys, "search", output, TEXTS[3], "-k", "5")
