"""`collect`: the elements of a PCollection, in the process of the test."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

# By a key of each call: the runner's workers are threads of this process, to which a list itself would go as a copy.
_COLLECTED: dict[str, list[Any]] = {}


def collect(build: Callable[[beam.Pipeline], Any], *, unbounded: bool = False) -> list[Any]:
    """Runs a pipeline, and returns the elements of the PCollection that `build` makes in it.

    With `unbounded`, by the runner that knows streams.
    """
    key = uuid.uuid4().hex
    _COLLECTED[key] = []
    runner = BundleBasedDirectRunner() if unbounded else FnApiRunner()
    with beam.Pipeline(runner=runner, options=PipelineOptions([], streaming=unbounded)) as pipeline:
        _ = build(pipeline) | "Keep" >> beam.Map(_keep, key)
    return _COLLECTED.pop(key)


def _keep(element: Any, key: str) -> None:
    _COLLECTED[key].append(element)
