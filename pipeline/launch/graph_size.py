"""Refuses a job whose graph Dataflow would refuse, before anything is written."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.pipeline.settings.runner import DATAFLOW, name_runner

# Of the service: a job's description may have 10 MB. The steps other than the reading of the input are some 200 kB.
MAXIMUM_GRAPH_BYTES = 10 << 20
_OTHER_STEPS_BYTES = 1 << 20


def check_graph_size(parts: Any, beam_options: PipelineOptions) -> None:
    """Checks that a job that reads an input fits into what Dataflow takes.

    Of all that a graph holds, only the parts of the input, which name its files, can be many.

    Args:
      parts: of the input, as the graph will hold them.
      beam_options: of the job; nothing is checked on other runners.

    Raises:
      ValueError: if it is too large.
    """
    if name_runner(beam_options) != DATAFLOW:
        return
    pipeline = beam.Pipeline(runner="FnApiRunner")
    _ = pipeline | "Parts" >> beam.Create([parts], reshuffle=False)
    size = pipeline.to_runner_api().ByteSize()
    if size > MAXIMUM_GRAPH_BYTES - _OTHER_STEPS_BYTES:
        raise ValueError(
            f"the job's graph would have {size / 2**20:.1f} MB for the parts of the input alone, and Dataflow takes "
            f"{MAXIMUM_GRAPH_BYTES >> 20} MB in all; embed parts of the input in runs of their own, or join its files"
        )
