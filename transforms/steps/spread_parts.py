"""`SpreadParts`: deals small elements, such as ranges of files, to all workers."""

from __future__ import annotations

import random
from typing import Any

import apache_beam as beam


class SpreadParts(beam.PTransform[beam.PCollection[Any], beam.PCollection[Any]]):
    """Spreads elements over the workers, as `beam.Reshuffle` does, but by a GroupByKey.

    Of two reshuffles with no grouping between them, Flink's optimiser leaves out the second, whatever the steps between
    do: the data counts as rebalanced already. So one worker would embed all batches of a file that it alone has read.
    """

    def expand(self, elements: beam.PCollection[Any]) -> beam.PCollection[Any]:
        """Wires the transform."""
        spread: beam.PCollection[Any] = (
            elements
            | "DrawKeys" >> beam.WithKeys(draw_key).with_output_types(tuple[int, Any])
            | "Group" >> beam.GroupByKey()
            | "DropKeys" >> beam.FlatMap(take_values)
        )
        return spread


def draw_key(_: Any) -> int:
    """Returns a number that hardly any other element has."""
    return random.getrandbits(32)


def take_values(keyed: tuple[int, Any]) -> Any:
    """Returns the elements of a key."""
    return keyed[1]
