"""Measures search over an output of invented vectors: exact, and by an index.

    python -m benchmarks.search --rows 1000000
    python -m benchmarks.search --rows 200000 --index

It writes the output with this project's writers, float16 in Parquet, below a temporary folder, and removes it: a
million rows 768 wide take 1.6 GB there, and opening them for exact search 3.1 GB more. Queries are vectors, so that no
model is needed.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from albert_embed.pipeline.commit.index_output import index_output
from albert_embed.pipeline.dataset.published_output import open_published_output
from albert_embed.pipeline.dataset.read_embeddings import read_rows
from albert_embed.pipeline.nearest.find_nearest import Hit, find_nearest
from albert_embed.pipeline.nearest.read_vectors import make_blocks
from albert_embed.pipeline.nearest.searchable_rows import SearchableRows
from albert_embed.pipeline.nearest.searched_embedding import choose_embedding
from albert_embed.pipeline.nearest.vector_block import VectorBlock
from albert_embed.pipeline.search.index_search import IndexSearch
from albert_embed.pipeline.search.vector_store import VectorStore
from albert_embed.pipeline.settings.search_options import IndexOptions
from benchmarks.synthetic_dataset import Rows, SyntheticDataset, make_vectors

_SHARD_ROWS = 150_000  # of float16 and 768 values, about as large as a shard becomes
_COLUMN = "mean_output"
_HITS = 10

Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Seconds:
    """What something took.

    Attributes:
      by_the_clock: as somebody waits.
      of_processors: summed over cores; on a busy machine it says more.
    """

    by_the_clock: float
    of_processors: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, and prints a table of Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--queries", type=int, default=20, help="how many are timed, one after the other")
    parser.add_argument("--index", action="store_true", help="make an index, too, and search by it")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="albert-embed-benchmark-") as folder:
        output = f"{folder}/output"
        began = time.perf_counter()
        dataset = SyntheticDataset(output, width=given.width, encoding="float16_bytes")
        dataset.publish(_make_shards(given.rows, given.width))
        print(f"# {given.rows:,} rows of {given.width}, written in {time.perf_counter() - began:.0f} s", flush=True)
        queries = np.concatenate(list(make_vectors(given.queries, given.width, np.random.default_rng(1))))
        print("| what | seconds | of processors |\n|---|--:|--:|", flush=True)
        exact = _measure_exact(output, queries)
        if given.index:
            _measure_index(output, queries, exact)


def _make_shards(rows: int, width: int) -> Iterator[Iterator[Rows]]:
    generator = np.random.default_rng(0)
    for first in range(0, rows, _SHARD_ROWS):
        yield _make_rows(first, min(_SHARD_ROWS, rows - first), width, generator)


def _make_rows(first: int, rows: int, width: int, generator: np.random.Generator) -> Iterator[Rows]:
    for vectors in make_vectors(rows, width, generator):
        yield Rows(ids=[f"document {first + number}" for number in range(len(vectors))], vectors=vectors)
        first += len(vectors)


def _measure_exact(output: str, queries: npt.NDArray[np.float32]) -> list[set[int]]:
    """Returns the positions of the hits of each query."""
    with open_published_output(output) as opened:
        seconds, _ = _time(lambda: _find_exactly(make_blocks(read_rows(opened), _COLUMN), queries[:1]))
        _print("exact: one query, from the files (what `albert-embed search` does, less the model)", seconds)
        seconds, store = _time(lambda: VectorStore(make_blocks(read_rows(opened), _COLUMN)))
    _print("exact: opening (`DatasetSearch`)", seconds)
    taken, found = [], []
    for query in queries:
        seconds, (hits,) = _time(partial(_find_exactly, store.blocks(), query[np.newaxis]))
        taken.append(seconds)
        found.append({hit.position for hit in hits})
    _print("exact: a query once it is open, median", _take_median(taken))
    _print("exact: the slowest of these", max(taken, key=lambda one: one.by_the_clock))
    seconds, _ = _time(lambda: _find_exactly(store.blocks(), queries))
    _print(f"exact: {len(queries)} queries at once, each", seconds, len(queries))
    store.close()
    return found


def _find_exactly(blocks: Iterator[VectorBlock], queries: npt.NDArray[np.float32]) -> list[list[Hit]]:
    return find_nearest(blocks, queries, hits=_HITS, metric="cosine")


def _measure_index(output: str, queries: npt.NDArray[np.float32], exact: list[set[int]]) -> None:
    seconds, indexing = _time(lambda: index_output(IndexOptions(directory=output)))
    _print(f"index: building, {indexing.index.rows / seconds.by_the_clock:,.0f} rows/s", seconds)
    with open_published_output(output) as opened:
        rows = SearchableRows(output=opened, searched=choose_embedding("mean", ("mean",)))
        seconds, search = _time(lambda: IndexSearch(rows))
        _print("index: opening", seconds)
        taken, found = [], []
        with search:
            for query in queries:
                seconds, (hits,) = _time(partial(search.find, query[np.newaxis], hits=_HITS))
                taken.append(seconds)
                found.append({int(hit.row["id"].removeprefix(b"document ")) for hit in hits})
    _print("index: a query, median, with its rows read from Parquet", _take_median(taken))
    recall = np.mean([len(one & other) / _HITS for one, other in zip(found, exact, strict=True)])
    print(f"\nindex: {indexing.bytes / 1e6:,.0f} MB; recall@10 {recall:.3f} for these queries", end=", ")
    print(f"{indexing.index.recall_at_10} for a sample of the rows")


def _time(work: Callable[[], Result]) -> tuple[Seconds, Result]:
    began = time.perf_counter(), time.process_time()
    result = work()
    return Seconds(by_the_clock=time.perf_counter() - began[0], of_processors=time.process_time() - began[1]), result


def _take_median(taken: Sequence[Seconds]) -> Seconds:
    return Seconds(
        by_the_clock=statistics.median(one.by_the_clock for one in taken),
        of_processors=statistics.median(one.of_processors for one in taken),
    )


def _print(what: str, seconds: Seconds, times: int = 1) -> None:
    print(f"| {what} | {seconds.by_the_clock / times:.3f} | {seconds.of_processors / times:.3f} |", flush=True)


if __name__ == "__main__":
    main()
