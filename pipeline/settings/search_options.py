"""`SearchOptions`: the options of `albert-embed search`, checked when they are built."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

from albert_embed.pipeline.settings.choices import check_choice

Metric = Literal["cosine", "dot"]
METRICS: tuple[str, ...] = get_args(Metric)
DEFAULT_HITS = 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """What to look for, and where.

    Attributes:
      directory: a finished output.
      queries: the texts; at least one.
      hits: how many rows to find for each.
      embedding: which of the dataset's embeddings to compare; None means the best that it has
        (`pipeline.search.searched_embedding`).
      metric: `cosine`, or `dot` for the inner product.

    Raises:
      ValueError: if an option is out of its range; the message says what to give.
    """

    directory: str
    queries: tuple[str, ...]
    hits: int = DEFAULT_HITS
    embedding: str | None = None
    metric: Metric = "cosine"

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
        if self.hits < 1:
            raise ValueError(f"-k must be at least 1, not {self.hits}")
        check_choice("--metric", self.metric, METRICS)
