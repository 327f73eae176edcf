"""`embed --index`: a version and its index come at once, whatever happens to the run between."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from albert_embed import read_embeddings
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.commit.run_name import make_run_name
from albert_embed.pipeline.dataset.versions import create_version, list_versions, read_manifest
from albert_embed.pipeline.publication import commit_run
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.transforms.files.literal_files import move_files
from tests.tiny_model import CORPUS

TEXTS = [line for line in CORPUS.read_text(encoding="utf-8").splitlines() if line.strip()]
INCREMENTAL = ("--incremental", "--full-snapshot", "--max-deletions", "100%", "--index")


class Corpus:
    """Documents that change from run to run."""

    def __init__(self, model: Path, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._model, self._directory, self._capsys = model, directory, capsys
        self.output = str(directory / "out")
        self.documents: dict[str, str | None] = {f"{number}": text for number, text in enumerate(TEXTS[:30])}

    def embed(self, *flags: str, status: int = 0) -> dict[str, Any]:
        lines = [json.dumps({"id": id_, "text": text}) for id_, text in self.documents.items()]
        (self._directory / "in.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        paths = ["--input", str(self._directory / "in.jsonl"), "--output", self.output]
        return self.run("embed", "--model", str(self._model), *paths, "--embeddings", "mean", *flags, status=status)

    def run(self, *arguments: str, status: int = 0) -> dict[str, Any]:
        self._capsys.readouterr()
        found = main([*arguments, "--json"])
        printed = self._capsys.readouterr()
        assert found == status, printed.err
        record: dict[str, Any] = json.loads(printed.out)
        return record

    def check_search(self, use: str = "used") -> None:
        """Checks that a search for all rows gives those of exact search, and those that are live."""
        search = ["search", self.output, TEXTS[3], "-k", "1000"]
        found, exact = self.run(*search), self.run(*search, "--exact")
        assert found["index"] == use
        ((hits, expected),) = [
            (one["hits"], other["hits"]) for one, other in zip(found["queries"], exact["queries"], strict=True)
        ]
        live = [id_.decode() for batch in read_embeddings(self.output) for id_ in batch.column("id").to_pylist()]
        assert sorted(hit["id"] for hit in hits) == sorted(live)
        assert [hit["score"] for hit in hits] == pytest.approx([hit["score"] for hit in expected], abs=1e-6)

    def list_files(self) -> list[str]:
        """Lists the files of the index and what is staged."""
        output = Path(self.output)
        found = (path for folder in ("_search", "_staging") for path in (output / folder).rglob("*") if path.is_file())
        return sorted(str(path.relative_to(output)) for path in found)

    def check_clean(self) -> None:
        """Checks that the latest version's index is all that is left of indexes and of runs."""
        assert self.list_files() == [file.path for file in read_manifest(self.output).search_index_files]


@pytest.fixture
def corpus(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Corpus:
    return Corpus(tiny_model, tmp_path, capsys)


@pytest.mark.integration
def test_every_night_leaves_an_index_of_its_version(corpus: Corpus) -> None:
    first = corpus.embed(*INCREMENTAL)["search_index"]
    assert (first["version"], first["rows"], first["removed"], first["embedding"]) == (1, 30, 0, "mean")
    corpus.check_search()
    corpus.documents |= {"3": "something else", "new": TEXTS[40], "copy": TEXTS[3]}
    del corpus.documents["7"]
    second = corpus.embed(*INCREMENTAL)["search_index"]
    assert (second["version"], second["rows"], second["removed"]) == (2, 31, 2)
    corpus.check_search()
    corpus.check_clean()
    assert corpus.embed(*INCREMENTAL)["status"] == "unchanged"
    # A run without --index leaves the index behind; the next one with it brings it up to date, though nothing is new.
    corpus.documents["late"] = TEXTS[50]
    assert "search_index" not in corpus.embed(*INCREMENTAL[:-1])
    corpus.check_search("stale")
    third = corpus.embed(*INCREMENTAL)
    assert (third["status"], third["search_index"]["version"], third["search_index"]["rows"]) == ("published", 4, 32)
    corpus.check_search()
    corpus.check_clean()


@pytest.mark.integration
def test_a_version_whose_failures_alone_are_others_keeps_its_index(corpus: Corpus) -> None:
    """A record that fails every night would else make every search compare all rows."""
    first = corpus.embed(*INCREMENTAL)["search_index"]
    corpus.documents["bad"] = None
    for flags in (INCREMENTAL[:-1], INCREMENTAL):
        record = corpus.embed(*flags)
        assert record["status"] == "published" and sum(record["failures_by_reason"].values()) == 1
        corpus.check_search()
        corpus.check_clean()
    assert record["search_index"] == {**first, "version": 3}


@pytest.mark.integration
def test_replaced_compacted_and_retained(corpus: Corpus) -> None:
    corpus.embed("--index")
    corpus.check_search()
    corpus.run("index", corpus.output, "--metric", "dot")
    corpus.documents["new"] = TEXTS[40]
    replaced = corpus.embed("--overwrite", "--index")["search_index"]
    assert (replaced["metric"], replaced["rows"], replaced["removed"]) == ("dot", 31, 0)
    corpus.check_clean()
    corpus.run("index", corpus.output, "--metric", "cosine")
    corpus.documents["3"] = "something else"
    corpus.embed(*INCREMENTAL, "--retain", "1")
    assert len(corpus.list_files()) == 2 and len(list_versions(corpus.output)) == 2
    corpus.check_search()
    corpus.documents["4"] = "and something else again"
    record = corpus.embed(*INCREMENTAL, "--compact-above", "1")
    assert (record["compacted"], record["retain"]) == (True, 1)
    assert len(corpus.list_files()) == 2 and len(list_versions(corpus.output)) == 2  # as the run before was told
    corpus.check_search()
    record = corpus.embed(*INCREMENTAL, "--retain", "0")
    assert (record["status"], record["retain"]) == ("unchanged", 0)
    corpus.check_clean()
    corpus.documents["5"] = "and again"
    corpus.embed(*INCREMENTAL)
    corpus.check_search()
    assert corpus.embed("--overwrite")["status"] == "published"
    corpus.check_search("none")
    assert corpus.list_files() == []


@pytest.mark.integration
@pytest.mark.parametrize("step", ["write_plan", "move_files", "publish_plan"])
def test_a_run_that_ends_between_leaves_what_was_there_and_can_be_repeated(
    corpus: Corpus, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus.embed(*INCREMENTAL)
    before = read_manifest(corpus.output)
    corpus.documents["new"] = TEXTS[40]
    with monkeypatch.context() as patched:
        patched.setattr(commit_run, step, lambda *_: (_ for _ in ()).throw(KeyError(step)))
        corpus.embed(*INCREMENTAL, status=4)
    assert read_manifest(corpus.output) == before
    corpus.check_search()
    assert corpus.embed(*INCREMENTAL)["search_index"]["rows"] == 31
    corpus.check_search()
    corpus.check_clean()


@pytest.mark.integration
def test_publish_completes_a_version_with_its_index(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus.embed(*INCREMENTAL)
    corpus.documents["new"] = TEXTS[40]
    with monkeypatch.context() as patched:
        patched.setattr(commit_run, "publish_plan", lambda *_: (_ for _ in ()).throw(KeyError("publish_plan")))
        corpus.embed(*INCREMENTAL, status=4)
    assert corpus.run("publish", corpus.output)["status"] == "published"
    index = read_manifest(corpus.output).search_index
    assert index is not None and (index.version, index.rows) == (2, 31)
    corpus.check_search()
    corpus.check_clean()


@pytest.mark.integration
def test_of_two_that_publish_one_wins_with_its_index(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus.embed(*INCREMENTAL)
    before = read_manifest(corpus.output)
    corpus.documents["new"] = TEXTS[40]

    def be_too_late(pairs: Any) -> None:
        move_files(pairs)
        create_version(
            corpus.output, dataclasses.replace(before, generation=2, run=make_run_name(), search_index=index)
        )

    assert before.search_index is not None
    index = dataclasses.replace(before.search_index, version=2)
    with monkeypatch.context() as patched:
        patched.setattr(commit_run, "move_files", be_too_late)
        assert "has published version 2" in corpus.embed(*INCREMENTAL, status=4)["error"]
    corpus.check_search()
    assert [name for name in corpus.list_files() if name.startswith("_search/")] == [
        file.path for file in before.search_index_files
    ]
    assert corpus.embed(*INCREMENTAL)["search_index"]["rows"] == 31
    corpus.check_search()
    corpus.check_clean()


@pytest.mark.parametrize(
    "changes", [{"embeddings": ("sequence",)}, {"sinks": ("bigquery",), "output": "", "table": "bq:my-project:a.b"}]
)
def test_what_can_not_be_indexed_is_refused(changes: dict[str, Any]) -> None:
    given = {"model": "m", "input": ("i",), "output": "o", "index": True}
    with pytest.raises(ValueError, match=r"--index is of files with a vector for each row: give --sink"):
        EmbedOptions(**{**given, **changes})


def test_without_the_library_nothing_is_started(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "usearch.index", None)
    assert "an index needs the library usearch" in corpus.embed("--index", status=2)["error"]
    assert not Path(corpus.output).exists()
