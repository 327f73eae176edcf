"""What a step gives when a bundle ends: Beam wants it with a window, and the time that it has there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.transforms.window import BoundedWindow, GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from albert_embed.transforms.steps import metrics
from albert_embed.transforms.steps.outputs import COUNTS


def at_end_of(window: BoundedWindow, value: Any) -> WindowedValue:
    """Returns a value in a window, at its last moment."""
    return WindowedValue(value, window.max_timestamp(), (window,))


def at_end_of_all(value: Any) -> WindowedValue:
    """Returns a value in the global window, at its last moment."""
    return at_end_of(GlobalWindow(), value)


def give_counts(window: BoundedWindow | None = None) -> Iterator[beam.pvalue.TaggedOutput[str, Any]]:
    """Yields what this thread's bundle has counted (`metrics.take_counts`) to `COUNTS`, where that is anything.

    Args:
      window: in which; None for the global one.
    """
    counts = metrics.take_counts()
    if counts is not None:
        yield beam.pvalue.TaggedOutput(COUNTS, at_end_of(GlobalWindow() if window is None else window, counts))
