"""A graph that Dataflow would refuse is refused before anything is written."""

from __future__ import annotations

import os

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.pipeline.launch.graph_size import check_graph_size

DATAFLOW = PipelineOptions(["--runner", "DataflowRunner"])


def test_parts_that_are_too_many_are_refused_with_their_size() -> None:
    with pytest.raises(
        ValueError, match=r"^the job's graph would have \d\d\.\d MB .*, and Dataflow takes 10 MB in all; embed"
    ):
        check_graph_size(os.urandom(10 << 20), DATAFLOW)


def test_what_fits_is_taken() -> None:
    check_graph_size(os.urandom(1 << 20), DATAFLOW)


def test_other_runners_take_any() -> None:
    check_graph_size(os.urandom(12 << 20), PipelineOptions([]))
