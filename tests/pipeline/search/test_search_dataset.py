"""Searching what `embed` wrote, against vectors that the model gives for each text alone."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.search.embed_queries import AnotherModelError
from albert_embed.pipeline.search.search_dataset import DatasetSearch, search_dataset
from albert_embed.pipeline.settings.search_options import SearchOptions
from tests.pipeline.embed_command import embed_command
from tests.pipeline.reference import Reference
from tests.tiny_model import CORPUS, write_model

TEXTS = [line for line in CORPUS.read_text(encoding="utf-8").splitlines() if line.strip()][:60]


def embed(model: Path, directory: Path, *flags: str, texts: list[str] | None = None, name: str = "out") -> Path:
    """Embeds the texts, whose ids are their numbers."""
    source = directory / "in.jsonl"
    records = [{"id": str(number), "text": text, "n": number} for number, text in enumerate(texts or TEXTS)]
    source.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    output = directory / name
    arguments = embed_command(model, source, output, *flags)
    assert main(arguments) == 0
    return output


@pytest.fixture(scope="module")
def dataset(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    flags = ["--embeddings", "pooled,mean", "--keep-fields", "n:int64", "--max-tokens", "40"]
    return embed(tiny_model, tmp_path_factory.mktemp("search"), *flags)


@pytest.mark.parametrize("embedding", ["mean", "pooled"])
@pytest.mark.parametrize("metric", ["cosine", "dot"])
def test_what_is_nearest_is_found(dataset: Path, tiny_model: Path, embedding: str, metric: Any) -> None:
    reference = Reference(tiny_model)
    queries = (TEXTS[11], "a text that the corpus does not have, " * 20)
    options = SearchOptions(directory=str(dataset), queries=queries, hits=5, embedding=embedding, metric=metric)
    result = search_dataset(options)
    assert (result.embedding, result.queries) == (embedding, queries)

    def vector(text: str) -> np.ndarray:
        found = reference.embed(reference.frame(text, 40))[f"{embedding}_output"].astype(np.float64)
        return found / np.linalg.norm(found) if metric == "cosine" else found

    vectors = np.stack([vector(text) for text in TEXTS])
    for query, hits in zip(queries, result.hits, strict=True):
        scores = vectors @ vector(query)
        assert len(hits) == 5
        for hit, expected in zip(hits, np.sort(scores)[::-1], strict=False):
            assert hit.score == pytest.approx(expected, abs=1e-4)
            assert hit.score == pytest.approx(scores[hit.row["n"]], abs=1e-4)
            assert hit.row["id"] == str(hit.row["n"]).encode()
    if metric == "cosine":
        assert result.hits[0][0].row["n"] == 11 and result.hits[0][0].score == pytest.approx(1, abs=1e-5)


def test_a_dataset_that_is_open_answers_as_often_as_one_likes(dataset: Path) -> None:
    with DatasetSearch(str(dataset)) as search:
        for number in (3, 40):
            ((best, *_),) = search.search(TEXTS[number], hits=2)
            assert best.row["n"] == number
        two = search.search(TEXTS[3], TEXTS[40], hits=1)
        assert [hits[0].row["n"] for hits in two] == [3, 40]


@pytest.mark.integration
def test_documents_and_windows(tiny_model: Path, tmp_path: Path, shared: Path) -> None:
    with gzip.open(shared / "corpora" / "movie_reviews.jsonl.gz", "rt", encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line, _ in zip(file, range(40), strict=False)]
    flags = ["--embeddings", "document", "--long-documents", "window", "--max-tokens", "96", "--sink", "parquet"]
    output = embed(tiny_model, tmp_path, *flags, texts=texts)
    result = search_dataset(SearchOptions(directory=str(output), queries=("a film about a family",), hits=3))
    assert result.embedding == "document" and len(result.hits[0]) == 3
    assert {"id", "windows", "tokens"} <= result.hits[0][0].row.keys()


@pytest.mark.integration
def test_dead_rows_are_not_found(tiny_model: Path, tmp_path: Path) -> None:
    output = embed(tiny_model, tmp_path, "--embeddings", "mean", "--incremental")
    changed = ["something else entirely" if number == 7 else text for number, text in enumerate(TEXTS)]
    embed(tiny_model, tmp_path, "--embeddings", "mean", "--incremental", texts=changed)
    (hits,) = search_dataset(SearchOptions(directory=str(output), queries=(TEXTS[7],), hits=len(TEXTS))).hits
    assert len(hits) == len(TEXTS) and len({hit.row["id"] for hit in hits}) == len(TEXTS)
    assert hits[0].score < 0.99999 or hits[0].row["id"] != b"7"


def test_another_model_or_none_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    output = embed(model, tmp_path, texts=TEXTS[:3])
    shutil.rmtree(model)
    write_model(model, seed=9)
    with pytest.raises(AnotherModelError, match=r"is not the one that the dataset was made with: its fingerprint is"):
        search_dataset(SearchOptions(directory=str(output), queries=("text",)))
    shutil.rmtree(model)
    missing = (
        rf"^the dataset was made with the model {model}, which can.t be used now; put it back where it was, or .* The"
    )
    with pytest.raises(ValueError, match=missing):
        search_dataset(SearchOptions(directory=str(output), queries=("text",)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"queries": ()}, r"there is no query"),
        ({"queries": (" ",)}, r"the query ' ' is empty"),
        ({"queries": ("\udcff",)}, r"is not UTF-8"),
        ({"hits": 0}, r"-k must be at least 1, not 0"),
        ({"metric": "l2"}, r"--metric is 'l2': choose from cosine, dot"),
    ],
)
def test_options_are_checked_when_built(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SearchOptions(**{"directory": "d", "queries": ("q",), **changes})


def test_an_embedding_that_the_dataset_lacks_is_refused(dataset: Path) -> None:
    for name in ("document", "sequence", "nonsense"):
        with pytest.raises(ValueError, match=rf"--embedding is '{name}', which can't be searched here; choose from p"):
            search_dataset(SearchOptions(directory=str(dataset), queries=("q",), embedding=name))
