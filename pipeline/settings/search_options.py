"""`SearchOptions` and `IndexOptions`: the options of `albert-embed search` and `index`, checked when they are built."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

from albert_embed.pipeline.settings.choices import check_at_least, check_choice

Metric = Literal["cosine", "dot"]
METRICS: tuple[Metric, ...] = get_args(Metric)
DEFAULT_HITS = 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """What to look for, and where.

    Attributes:
      directory: a finished output.
      queries: the texts; at least one.
      hits: how many rows to find for each.
      embedding: which of the dataset's embeddings to compare; None means the best that it has
        (`pipeline.nearest.searched_embedding`).
      metric: `cosine`, or `dot` for the inner product.
      exact: whether all rows are compared even where there is an index.

    Raises:
      ValueError: if an option is out of its range; the message says what to give.
    """

    directory: str
    queries: tuple[str, ...]
    hits: int = DEFAULT_HITS
    embedding: str | None = None
    metric: Metric = "cosine"
    exact: bool = False

    def __post_init__(self) -> None:
        if not self.queries:
            raise ValueError("there is no query; give a text, or a file of them with --queries")
        for query in self.queries:
            if not query.strip():
                raise ValueError(f"the query {query!r} is empty; give some text")
            try:
                query.encode()
            except UnicodeEncodeError as e:
                raise ValueError(f"the query {query!r} is not UTF-8: {e.reason}; give it in UTF-8") from e
        check_at_least("-k", self.hits, 1)
        check_choice("--metric", self.metric, METRICS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class IndexOptions:
    """Of what an index is made.

    Attributes:
      directory: a finished output, or one in the making.
      embedding: which of the dataset's embeddings; None means that of the index that is there, or the best.
      metric: `cosine`, or `dot` for the inner product; None means that of the index that is there, or `cosine`.
      rebuild: whether it is built anew where one that is there could be updated.
      retain: how many versions before the new one stay readable; None for as many as the last run of the output kept.

    Raises:
      ValueError: if an option is out of its range; the message says what to give.
    """

    directory: str
    embedding: str | None = None
    metric: Metric | None = None
    rebuild: bool = False
    retain: int | None = None

    def __post_init__(self) -> None:
        if self.metric is not None:
            check_choice("--metric", self.metric, METRICS)
        check_at_least("--retain", self.retain, 0)
