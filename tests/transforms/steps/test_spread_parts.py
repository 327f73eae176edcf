"""Small elements are dealt to all workers."""

from __future__ import annotations

import apache_beam as beam
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

from albert_embed.transforms.steps.spread_parts import SpreadParts


def test_every_element_is_there_once() -> None:
    elements = [f"part {number}" for number in range(100)] + ["part 0", None]
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        spread = pipeline | beam.Create(elements, reshuffle=False) | SpreadParts()
        assert_that(spread, equal_to(elements))
