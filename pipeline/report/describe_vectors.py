"""The section of a report about vectors, from a sample of rows."""

from __future__ import annotations

from typing import Any

from albert_embed.pipeline.console.output import escape_controls
from albert_embed.pipeline.report.charts import place_points, value_histogram
from albert_embed.pipeline.report.facts import shorten
from albert_embed.pipeline.report.page import Likeness, RowNeighbours, VectorSection
from albert_embed.pipeline.vectors.project_vectors import project_vectors
from albert_embed.pipeline.vectors.report_options import MapMethod
from albert_embed.pipeline.vectors.sample_rows import RowSample
from albert_embed.pipeline.vectors.vector_statistics import NEAR_DUPLICATE_COSINE, Pair, describe_vectors
from albert_embed.transforms.rows.columns import ID, TEXT, WINDOW

_MAX_TEXT = 160
_MAX_TITLE = 60


def make_vector_sections(sample: RowSample, column: str, *, method: MapMethod, seed: int) -> list[VectorSection]:
    """Returns one section, or none where the sample has fewer than two rows, which can't be compared.

    Args:
      sample: some rows.
      column: of their vectors.
      method: of the map.
      seed: of the map.

    Raises:
      ValueError: if the method's package is missing.
    """
    if len(sample.rows) < 2:
        return []
    found = describe_vectors(sample.vectors)
    titles = [name_row(row) for row in sample.rows]
    texts = [shorten(row.get(TEXT) or "", _MAX_TEXT) for row in sample.rows]
    labels = [f"{title}: {text}" if text else title for title, text in zip(titles, texts, strict=True)]

    def liken(pair: Pair) -> Likeness:
        return Likeness(first=labels[pair.first], second=labels[pair.second], cosine=pair.cosine)

    low, middle, high = found.cosine_quantiles
    pairs = len(sample.rows) * (len(sample.rows) - 1) // 2
    sentences = [
        f"From a random sample of {len(sample.rows):,} of {sample.row_count:,} rows, {sample.vectors.shape[1]:,} wide.",
        f"Mean cosine of two random rows: {found.mean_cosine:.3f} (median {middle:.3f}; 90 % lie between {low:.3f} and "
        f"{high:.3f}). Near 1, all vectors point the same way: subtract their mean before you compare them.",
        f"Pairs with a cosine above {NEAR_DUPLICATE_COSINE}: {found.near_duplicates:,} of {pairs:,}.",
    ]
    placed = project_vectors(sample.vectors, method, seed=seed)
    return [
        VectorSection(
            column=column,
            sentences=sentences,
            norms=value_histogram(found.norms),
            points=place_points(placed.coordinates, titles, texts),
            map_sentence=placed.description,
            near_duplicates=[liken(pair) for pair in found.duplicate_examples],
            neighbours=[
                RowNeighbours(row=labels[pairs[0].first], nearest=[liken(pair) for pair in pairs])
                for pairs in found.neighbours
                if pairs
            ],
        )
    ]


def name_row(row: dict[str, Any]) -> str:
    """Returns the name of a row: its id, which turns nothing behind it, and its window where it is not the first."""
    title = escape_controls(shorten(row[ID], _MAX_TITLE))
    return f"{title}, window {row[WINDOW]}" if row.get(WINDOW) else title
