"""Indexes of invented vectors: what they hold, what is found by them, and what updating them leaves."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from albert_embed import read_embeddings
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.commit.compact import compact_output
from albert_embed.pipeline.commit.index_output import index_output
from albert_embed.pipeline.dataset.published_output import open_published_output
from albert_embed.pipeline.dataset.versions import read_manifest
from albert_embed.pipeline.nearest.build_index import choose_index_settings
from albert_embed.pipeline.nearest.find_nearest import Hit, find_nearest
from albert_embed.pipeline.nearest.read_vectors import make_blocks
from albert_embed.pipeline.nearest.searchable_rows import SearchableRows
from albert_embed.pipeline.nearest.searched_embedding import choose_embedding
from albert_embed.pipeline.nearest.vector_index import IndexSettings, VectorIndex
from albert_embed.pipeline.search.index_search import IndexSearch
from albert_embed.pipeline.settings.search_options import IndexOptions
from albert_embed.pipeline.storage.output_error import OutputError
from benchmarks.synthetic_dataset import Rows, SyntheticDataset, make_vectors

WIDTH = 16


def make_rows(ids: list[str], seed: int) -> Rows:
    (vectors,) = make_vectors(len(ids), WIDTH, np.random.default_rng(seed))
    return Rows(ids=ids, vectors=vectors)


def find_by_index(directory: str, queries: np.ndarray, hits: int) -> list[list[Hit]]:
    with open_published_output(directory) as output:
        rows = SearchableRows(output=output, searched=choose_embedding("mean", ("mean",)))
        with IndexSearch(rows) as search:
            return search.find(queries, hits=hits)


def find_exactly(directory: str, queries: np.ndarray, hits: int, metric: Any = "cosine") -> list[list[Hit]]:
    return find_nearest(make_blocks(read_embeddings(directory), "mean_output"), queries, hits=hits, metric=metric)


def list_indexed(directory: str) -> list[tuple[bytes, int, bytes]]:
    """Returns id, window and vector of each row of an index, the first two as the dataset has them at its place."""
    with open_published_output(directory) as output:
        rows = SearchableRows(output=output, searched=choose_embedding("mean", ("mean",)))
        index = VectorIndex.open(output.search_index[0].path, choose_index_settings(rows, "cosine"))
        places = index.list_places()
        shown = rows.take(places) if len(places) else {}
        vectors = index.get(places)
        return sorted(
            (shown[place]["id"], shown[place]["window"], vector.tobytes())
            for place, vector in zip(places.tolist(), vectors, strict=True)
        )


def list_live(directory: str) -> list[tuple[bytes, int, bytes]]:
    return sorted(
        (row["id"], row["window"], np.asarray(row["mean_output"], np.float32).tobytes())
        for batch in read_embeddings(directory)
        for row in batch.to_pylist()
    )


@pytest.mark.parametrize("sink", ["parquet", "tfrecord"])
@pytest.mark.parametrize("metric", ["cosine", "dot"])
@pytest.mark.parametrize("encoding", ["float_list", "float16_bytes", "int8", "binary"])
def test_hits_are_those_of_exact_search(tmp_path: Path, encoding: Any, metric: Any, sink: str) -> None:
    dataset = SyntheticDataset(str(tmp_path), width=WIDTH, encoding=encoding, sink=sink)
    ids = [f"{number // 2}" for number in range(600)]  # documents of two windows
    dataset.publish([[make_rows(ids[:250], 1)], [make_rows(ids[250:], 2)]])
    indexing = index_output(IndexOptions(directory=str(tmp_path), metric=metric))
    assert indexing.published and (indexing.index.rows, indexing.index.metric) == (600, metric)
    assert indexing.index.recall_at_10 is not None and indexing.index.recall_at_10 >= 0.99
    (queries,) = make_vectors(20, WIDTH, np.random.default_rng(3))
    for found, exact in zip(
        find_by_index(str(tmp_path), queries, 5), find_exactly(str(tmp_path), queries, 5, metric), strict=True
    ):
        assert [hit.score for hit in found] == pytest.approx([hit.score for hit in exact], rel=1e-5, abs=1e-6)
        if encoding != "binary":  # where many rows have the same bits, another one may have the score of the last
            assert [hit.row for hit in found] == [hit.row for hit in exact]


def test_an_index_says_what_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    SyntheticDataset(str(tmp_path), width=WIDTH).publish([[make_rows([str(n) for n in range(50)], 1)]])
    assert main(["index", str(tmp_path), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    index = record["index"]
    assert (record["status"], record["version"], index["version"], index["rows"]) == ("published", 2, 2, 50)
    assert (index["embedding"], index["metric"], index["dimensions"], index["value_type"]) == (
        "mean",
        "cosine",
        16,
        "f32",
    )
    assert (index["recall_at_10"], index["sample"], index["library"]) == (1.0, 50, "usearch 2.26.6")
    (file,) = read_manifest(str(tmp_path)).search_index_files
    assert file.path.startswith("_search/g2-") and (tmp_path / file.path).stat().st_size == index["bytes"]
    assert main(["index", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "unchanged"
    assert main(["inspect", str(tmp_path)]) == 0
    assert "mean, cosine, 50 rows, recall@10 1.000" in capsys.readouterr().out
    assert main(["index", str(tmp_path), "--metric", "dot", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["index"]["metric"] == "dot"
    assert [path.name for path in (tmp_path / "_search").iterdir()] == [
        Path(read_manifest(str(tmp_path)).search_index_files[0].path).name
    ]


@pytest.mark.integration
def test_random_histories_leave_what_building_anew_leaves(tmp_path: Path) -> None:
    for seed in range(6):
        check_history(tmp_path / str(seed), random.Random(seed))


def check_history(directory: Path, choices: random.Random) -> None:
    """Adds, changes, deletes and sometimes compacts at random; now and then the index is made current."""
    dataset = SyntheticDataset(str(directory), width=WIDTH, sink=choices.choice(["parquet", "tfrecord"]))
    live = {f"{number}" for number in range(150)}
    dataset.publish([[make_rows(sorted(live), 1)]])
    index_output(IndexOptions(directory=str(directory)))
    for step in range(8):
        dead = set(choices.sample(sorted(live), choices.randrange(len(live) // 2)))
        changed = set(choices.sample(sorted(dead), len(dead) // 2))
        new = {f"{step}-{number}" for number in range(choices.randrange(60))}
        ids = [id_ for id_ in sorted(changed | new) for _ in range(choices.choice([1, 1, 3]))]
        middle = len(ids) // 2
        while 0 < middle < len(ids) and ids[middle] == ids[middle - 1]:
            middle += 1
        shards = [
            [make_rows(part, 100 * step + number)] for number, part in enumerate((ids[:middle], ids[middle:])) if part
        ]
        dataset.add(shards, dead=sorted(dead))
        live = (live - dead) | changed | new
        if choices.random() < 0.2:
            compact_output(str(directory))
            manifest = read_manifest(str(directory))
            assert manifest.search_index is not None and manifest.search_index.version == manifest.generation
        elif choices.random() < 0.7:
            index_output(IndexOptions(directory=str(directory)))
            found = list_indexed(str(directory))
            assert found == list_live(str(directory))
            assert {id_.decode() for id_, _, _ in found} == live
            updated = read_manifest(str(directory)).search_index
            anew = index_output(IndexOptions(directory=str(directory), rebuild=True)).index
            assert updated is not None and (updated.rows, updated.sample) == (anew.rows, anew.sample)
            assert updated.recall_at_10 is not None and updated.recall_at_10 >= (anew.recall_at_10 or 0) - 0.02
            assert list_indexed(str(directory)) == found


def test_an_update_adds_and_removes_and_reads_no_other_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = SyntheticDataset(str(tmp_path), width=WIDTH)
    dataset.publish([[make_rows([str(number) for number in range(40)], 1)]])
    index_output(IndexOptions(directory=str(tmp_path)))
    dataset.add([[make_rows(["7", "new"], 2)]], dead=["7", "8"])
    added: list[int] = []
    add = VectorIndex.add

    def note(self: VectorIndex, places: Any, vectors: Any) -> None:
        added.append(len(places))
        add(self, places, vectors)

    monkeypatch.setattr(VectorIndex, "add", note)
    index = index_output(IndexOptions(directory=str(tmp_path))).index
    assert added == [2] and (index.rows, index.removed) == (40, 2)


def test_an_index_of_which_most_was_removed_is_built_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    dataset = SyntheticDataset(str(tmp_path), width=WIDTH)
    dataset.publish([[make_rows([str(number) for number in range(40)], 1)]])
    index_output(IndexOptions(directory=str(tmp_path)))
    dataset.add([], dead=[str(number) for number in range(30)])
    with caplog.at_level("INFO"):
        index = index_output(IndexOptions(directory=str(tmp_path))).index
    assert (index.rows, index.removed) == (10, 0)
    assert "the index is built anew: 30 rows were taken out of it, 10 are left" in caplog.text


def test_no_rows(tmp_path: Path) -> None:
    dataset = SyntheticDataset(str(tmp_path), width=WIDTH)
    dataset.publish([[make_rows(["a"], 1)]])
    assert index_output(IndexOptions(directory=str(tmp_path))).index.recall_at_10 is None
    dataset.add([], dead=["a"])
    assert index_output(IndexOptions(directory=str(tmp_path))).index.rows == 0
    assert find_by_index(str(tmp_path), np.ones((2, WIDTH), np.float32), 3) == [[], []]


def test_without_the_library_the_error_names_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    SyntheticDataset(str(tmp_path), width=WIDTH).publish([[make_rows(["a", "b"], 1)]])
    monkeypatch.setitem(__import__("sys").modules, "usearch.index", None)
    assert main(["index", str(tmp_path), "--json"]) == 4
    error = json.loads(capsys.readouterr().out)["error"]
    assert "an index needs the library usearch, which can't be imported" in error and "install it" in error
    assert read_manifest(str(tmp_path)).generation == 1 and not (tmp_path / "_staging").exists()


def test_a_damaged_index_is_noticed(tmp_path: Path) -> None:
    SyntheticDataset(str(tmp_path), width=WIDTH).publish([[make_rows(["a", "b"], 1)]])
    index_output(IndexOptions(directory=str(tmp_path)))
    (file,) = read_manifest(str(tmp_path)).search_index_files
    (tmp_path / file.path).write_bytes(b"x" * file.bytes)
    with pytest.raises(OutputError, match=r"the index can't be opened: .*; run `albert-embed index .* --rebuild`"):
        find_by_index(str(tmp_path), np.ones((1, WIDTH), np.float32), 1)


def test_a_damaged_list_of_ids_is_noticed_when_the_index_is_updated(tmp_path: Path) -> None:
    dataset = SyntheticDataset(str(tmp_path), width=WIDTH)
    dataset.publish([[make_rows([str(number) for number in range(40)], 1)]])
    index_output(IndexOptions(directory=str(tmp_path)))
    dataset.add([], dead=["7"])
    (ids,) = [file for file in read_manifest(str(tmp_path)).index_shards if file.generation == 1]
    (tmp_path / ids.path).write_bytes(b"x" * ids.bytes)
    with pytest.raises(OutputError, match=f"{ids.path}: Parquet magic bytes not found"):
        index_output(IndexOptions(directory=str(tmp_path)))


def test_an_index_that_is_damaged_is_built_anew_and_stops_no_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = SyntheticDataset(str(tmp_path), width=WIDTH)
    dataset.publish([[make_rows(["a", "b"], 1)]])
    index_output(IndexOptions(directory=str(tmp_path)))
    (file,) = read_manifest(str(tmp_path)).search_index_files
    dataset.add([[make_rows(["c"], 2)]], dead=["a"])
    (tmp_path / file.path).write_bytes(b"x" * file.bytes)
    index = index_output(IndexOptions(directory=str(tmp_path))).index
    assert (index.rows, index.removed) == (2, 0)
    assert "the index is built anew: that of version 2 is damaged: " in caplog.text
    assert list_indexed(str(tmp_path)) == list_live(str(tmp_path))


def test_an_index_that_is_cut_off_by_a_full_disk_is_noticed(tmp_path: Path) -> None:
    class Cut:
        """What usearch does where there is no room: it writes a part and says nothing."""

        serialized_length = 2000

        def save(self, path: str) -> None:
            Path(path).write_bytes(b"x" * 1999)

    settings = IndexSettings(dimensions=WIDTH, metric="cosine", value_type="f32")
    index: Any = Cut()
    with pytest.raises(OSError, match=rf"^only 1,999 of 2,000 bytes of {tmp_path}/a could be written; make room"):
        VectorIndex(index, settings).save(f"{tmp_path}/a")
