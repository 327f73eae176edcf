"""`Page`: everything that the report shows, as the template takes it."""

from __future__ import annotations

import dataclasses

from albert_embed.pipeline.report.charts import Histogram, Point, Share


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fact:
    """A name and a value, both in words."""

    name: str
    value: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class FactTable:
    """Facts under a heading; tables without facts are not shown."""

    heading: str
    facts: list[Fact]


@dataclasses.dataclass(frozen=True, kw_only=True)
class HistogramSection:
    """A histogram, its heading, and a sentence that says what to see in it."""

    heading: str
    histogram: Histogram
    sentence: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class FailureExample:
    """One failure: its id, its error and the start of its text, each shortened to a line."""

    id: str
    error: str
    text: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class FailureGroup:
    """Failures of one category.

    Attributes:
      category: `stage: reason`.
      count: how many.
      examples: some of them.
    """

    category: str
    count: int
    examples: list[FailureExample]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Likeness:
    """Two texts and the cosine of their vectors."""

    first: str
    second: str
    cosine: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class RowNeighbours:
    """A row, and those that are nearest to it, best first."""

    row: str
    nearest: list[Likeness]


@dataclasses.dataclass(frozen=True, kw_only=True)
class VectorSection:
    """What the vectors of a sample look like.

    Attributes:
      column: of the vectors.
      sentences: what was sampled and found.
      norms: their lengths.
      points: the map.
      map_sentence: what the axes are.
      near_duplicates: pairs that are nearly equal.
      neighbours: of some rows.
    """

    column: str
    sentences: list[str]
    norms: Histogram
    points: list[Point]
    map_sentence: str
    near_duplicates: list[Likeness]
    neighbours: list[RowNeighbours]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Page:
    """A report.

    Attributes:
      title: what it is about.
      subtitle: when it was made, and with what.
      headline: the figures at the top.
      tables: facts by heading.
      stages: where the time went, in seconds.
      histograms: of tokens.
      failures: by category, the most frequent first.
      vectors: one section, or none where there are fewer than two rows.
      changes: since the version before; empty for a dataset that is not incremental.
    """

    title: str
    subtitle: str
    headline: list[Fact]
    tables: list[FactTable]
    stages: list[Share] = dataclasses.field(default_factory=list)
    histograms: list[HistogramSection] = dataclasses.field(default_factory=list)
    failures: list[FailureGroup] = dataclasses.field(default_factory=list)
    vectors: list[VectorSection] = dataclasses.field(default_factory=list)
    changes: list[Fact] = dataclasses.field(default_factory=list)
