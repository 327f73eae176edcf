"""`SearchIndex`: what a version says about the index by which its rows are searched."""

from __future__ import annotations

import dataclasses

from albert_embed.pipeline.settings.search_options import Metric

# How the file of an index is called among the formats of files, and how its name ends.
INDEX_FORMAT = "usearch"


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchIndex:
    """An index of one embedding, for approximate search.

    Attributes:
      version: of the dataset whose live rows it holds; a later version that names it has rows that it lacks.
      embedding: as `--embeddings` names it.
      metric: `cosine`, or `dot` for the inner product.
      dimensions: width of the vectors.
      value_type: of the vectors' values in it: f32, f16 or i8. They are those that the dataset stores.
      rows: how many it holds.
      removed: how many rows were taken out of it since it was built anew.
      recall_at_10: the share of the ten rows that exact search finds which it finds, too, on average over the sample;
        None where there is no sample.
      sample: how many of its rows were looked for to measure that, each without itself.
      connectivity: links of a row.
      expansion_add: candidates while a row is added.
      expansion_search: candidates while rows are looked for.
      library: that made it, with its version.
    """

    version: int
    embedding: str
    metric: Metric
    dimensions: int
    value_type: str
    rows: int
    removed: int
    recall_at_10: float | None
    sample: int
    connectivity: int
    expansion_add: int
    expansion_search: int
    library: str
