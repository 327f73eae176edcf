"""`search_dataset`: finds the rows of a finished output that are nearest to some texts."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

from albert_embed.pipeline.dataset.published_output import PublishedOutput, open_published_output
from albert_embed.pipeline.nearest.find_nearest import Hit, find_nearest
from albert_embed.pipeline.nearest.read_vectors import make_blocks, read_searched_rows
from albert_embed.pipeline.nearest.searchable_rows import SearchableRows
from albert_embed.pipeline.nearest.searched_embedding import SearchedEmbedding, choose_searched
from albert_embed.pipeline.nearest.vector_block import VectorBlock
from albert_embed.pipeline.search.embed_queries import QueryEmbedder
from albert_embed.pipeline.search.index_search import IndexSearch, IndexUse, choose_index
from albert_embed.pipeline.search.vector_store import VectorStore
from albert_embed.pipeline.settings.search_options import DEFAULT_HITS, METRICS, Metric, SearchOptions


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchResult:
    """The result of a search.

    Attributes:
      directory: the dataset.
      embedding: the embedding that was compared, as `--embeddings` names it.
      metric: how it was compared.
      index: whether rows were found by the index of the dataset (`used`); `stale` where that is of an earlier version,
        and `none` where there is none for this search, or all rows were to be compared.
      queries: the texts.
      hits: the rows found for each of them, best first.
    """

    directory: str
    embedding: str
    metric: Metric
    index: IndexUse
    queries: tuple[str, ...]
    hits: list[list[Hit]]


def search_dataset(options: SearchOptions) -> SearchResult:
    """Searches a dataset once.

    Where it has an index of its rows for this embedding and metric, that is asked; else its rows are read in batches,
    compared with all queries, and dropped.

    Raises:
      OutputError: if the directory is not a finished output, or was damaged since.
      AnotherModelError: if the model is not the one that the dataset was made with.
      MissingLibraryError: if there is an index, and not the library to read it.
      ValueError: if the dataset has no such embedding, or a query can't be embedded.
    """
    with open_published_output(options.directory) as output:
        searched = choose_searched(output.manifest, options.embedding)
        queries = _make_embedder(output, searched).embed(options.queries)
        index: IndexUse = "none" if options.exact else choose_index(output, searched, options.metric)
        if index == "used":
            with IndexSearch(SearchableRows(output=output, searched=searched)) as search:
                hits = search.find(queries, hits=options.hits)
        else:
            hits = find_nearest(_read_blocks(output, searched), queries, hits=options.hits, metric=options.metric)
    return SearchResult(
        directory=options.directory,
        embedding=searched.name,
        metric=options.metric,
        index=index,
        queries=options.queries,
        hits=hits,
    )


class DatasetSearch:
    """A dataset that is open for one search after another: a context manager.

    Where it has an index of its rows for the embedding, opening maps that into memory, and searches by its metric ask
    it. Else, with `exact`, and at the first search by another metric, all rows are read once, into local files that are
    mapped into memory (`pipeline.search.vector_store`). It searches the version of the dataset that was there when it
    was opened. In a bucket that must stay there meanwhile, where there is an index.

    Args:
      directory: a finished output.
      embedding: the one to compare; None means the best that the dataset has.
      exact: whether all rows are compared even where there is an index.

    Raises:
      OutputError, AnotherModelError, ValueError, MissingLibraryError: as for `search_dataset`.
    """

    def __init__(self, directory: str, *, embedding: str | None = None, exact: bool = False) -> None:
        self._index: IndexSearch | None = None
        self._store: VectorStore | None = None
        with contextlib.ExitStack() as opening:
            self._output = opening.enter_context(open_published_output(str(directory)))
            self._searched = choose_searched(self._output.manifest, embedding)
            self._embedder = _make_embedder(self._output, self._searched)
            if not exact and any(choose_index(self._output, self._searched, metric) == "used" for metric in METRICS):
                rows = SearchableRows(output=self._output, searched=self._searched)
                self._index = opening.enter_context(IndexSearch(rows))
            else:
                self._store = opening.enter_context(VectorStore(_read_blocks(self._output, self._searched)))
            self._closing = opening.pop_all()

    def search(self, *queries: str, hits: int = DEFAULT_HITS, metric: Metric = "cosine") -> list[list[Hit]]:
        """Returns the rows that are nearest to each query, best first.

        Raises:
          ValueError: if a query is empty or can't be embedded, or an option is out of its range.
          OutputError: if a file of the dataset is damaged, or gone.
        """
        options = SearchOptions(directory="", queries=queries, hits=hits, metric=metric)
        vectors = self._embedder.embed(options.queries)
        if self._index is not None and self._index.metric == metric:
            return self._index.find(vectors, hits=options.hits)
        if self._store is None:
            self._store = self._closing.enter_context(VectorStore(_read_blocks(self._output, self._searched)))
        return find_nearest(self._store.blocks(), vectors, hits=options.hits, metric=options.metric)

    def __enter__(self) -> DatasetSearch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Deletes the local files."""
        self._closing.close()


def _make_embedder(output: PublishedOutput, searched: SearchedEmbedding) -> QueryEmbedder:
    manifest = output.manifest
    return QueryEmbedder(
        model=manifest.model,
        transform_options=manifest.transform.options,
        embedding=searched.query,
        shape=manifest.vector_shape,
    )


def _read_blocks(output: PublishedOutput, searched: SearchedEmbedding) -> Iterator[VectorBlock]:
    return make_blocks(read_searched_rows(output, searched), searched.column)
