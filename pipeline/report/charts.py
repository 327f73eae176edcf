"""Charts as coordinates, which the templates draw as SVG: nothing here knows of HTML."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

_MAX_BARS = 48
# Numbers that differ by no more, in proportion, are shown as equal: lengths of vectors that were scaled to 1 do.
_ROUNDING = 1e-5


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bar:
    """One bar of a histogram.

    Attributes:
      label: what it counts.
      count: how many.
      left, width: from 0 to 1 of the chart's width.
      height: from 0 to 1 of the chart's height.
    """

    label: str
    count: int
    left: float
    width: float
    height: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Histogram:
    """A histogram.

    Attributes:
      bars: from left to right.
      least, greatest: the ends of the axis, in words.
      peak: the count of the highest bar.
      mark: the position of a line, from 0 to 1; negative for none.
      mark_label: what the line means.
    """

    bars: list[Bar]
    least: str
    greatest: str
    peak: int
    mark: float = -1.0
    mark_label: str = ""


def count_histogram(counts: npt.NDArray[np.int64], *, limit: int, limit_label: str) -> Histogram:
    """Makes a histogram of whole numbers.

    Args:
      counts: `[n]`, how often each number from 0 occurs.
      limit: the position of the line.
      limit_label: what the line means.
    """
    found = np.flatnonzero(counts)
    if not found.size:
        return Histogram(bars=[], least="", greatest="", peak=0)
    least, greatest = int(found[0]), max(int(found[-1]), limit)
    step = -(-(greatest - least + 1) // _MAX_BARS)
    starts = range(least, greatest + 1, step)
    values = [int(counts[start : start + step].sum()) for start in starts]
    labels = [str(start) if step == 1 else f"{start}–{start + step - 1}" for start in starts]
    bars = _make_bars(labels, values)
    mark = min(1.0, (limit - least + 1) / (len(values) * step))
    return Histogram(
        bars=bars, least=str(least), greatest=str(greatest), peak=max(values), mark=mark, mark_label=limit_label
    )


def value_histogram(values: npt.NDArray[np.float32], bars: int = 30) -> Histogram:
    """Makes a histogram of real numbers, in bins of equal width; of one bar where rounding alone tells them apart."""
    if not len(values):
        return Histogram(bars=[], least="", greatest="", peak=0)
    numbers = values.astype(np.float64)
    if np.ptp(numbers) <= _ROUNDING * np.abs(numbers).max():
        shown = f"{numbers.mean():.4g}"
        return Histogram(bars=_make_bars([shown], [len(values)]), least=shown, greatest=shown, peak=len(values))
    counts, edges = np.histogram(numbers, bins=bars)
    labels = [f"{low:.4g} to {high:.4g}" for low, high in itertools.pairwise(edges)]
    return Histogram(
        bars=_make_bars(labels, counts.tolist()),
        least=f"{edges[0]:.4g}",
        greatest=f"{edges[-1]:.4g}",
        peak=int(counts.max()),
    )


def _make_bars(labels: Sequence[str], counts: Sequence[int]) -> list[Bar]:
    width, peak = 1 / len(counts), max(max(counts), 1)
    return [
        Bar(label=label, count=count, left=number * width, width=width, height=count / peak)
        for number, (label, count) in enumerate(zip(labels, counts, strict=True))
    ]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Share:
    """One part of a whole.

    Attributes:
      label: what it is.
      value: how much, in its own unit.
      left, width: from 0 to 1 of the whole.
    """

    label: str
    value: float
    left: float
    width: float


def make_shares(values: Mapping[str, float]) -> list[Share]:
    """Returns the parts of a whole side by side, without those of 0."""
    total = sum(values.values())
    shares, left = [], 0.0
    for label, value in values.items():
        if value > 0:
            shares.append(Share(label=label, value=value, left=left, width=value / total))
            left += value / total
    return shares


@dataclasses.dataclass(frozen=True, kw_only=True)
class Point:
    """A row on the map.

    Attributes:
      x, y: from 0 to 1.
      title: what it shows: its id.
      text: the start of its text; empty where the dataset has none.
    """

    x: float
    y: float
    title: str
    text: str


def place_points(coordinates: npt.NDArray[np.float32], titles: Sequence[str], texts: Sequence[str]) -> list[Point]:
    """Returns the points of a map, with one scale for both axes, in the middle of a square.

    Args:
      coordinates: `[points, 2]`.
      titles, texts: of each.
    """
    if not len(coordinates):
        return []
    low, high = coordinates.min(axis=0), coordinates.max(axis=0)
    extent = float((high - low).max()) or 1.0
    placed = (coordinates - (low + high) / 2) / extent + 0.5
    return [
        Point(x=round(float(x), 4), y=round(1 - float(y), 4), title=title, text=text)
        for (x, y), title, text in zip(placed, titles, texts, strict=True)
    ]
