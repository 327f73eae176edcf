"""`MapOrFail`: what a function makes and what failed, each in its own output, both counted."""

from __future__ import annotations

import pickle
from functools import partial
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.metrics.metric import MetricsFilter
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

from albert_embed.transforms.steps.failure import Failure
from albert_embed.transforms.steps.map_or_fail import MapOrFail, MapOrFailDoFn


def fail(name: bytes) -> Failure:
    return Failure(id=name, stage="read", reason="odd", error="odd", text=b"")


def take_even(rows: pa.RecordBatch, limit: int = 100) -> tuple[pa.RecordBatch, list[Failure]]:
    numbers = rows.column("n").to_pylist()
    even = [number for number in numbers if number % 2 == 0 and number < limit]
    return pa.RecordBatch.from_pydict({"n": pa.array(even, pa.int64())}), [
        fail(b"%d" % number) for number in numbers if number % 2
    ]


def halve(number: int) -> tuple[int | None, list[Failure]]:
    return (number // 2, []) if number % 2 == 0 else (None, [fail(b"%d" % number)])


def make_rows(*numbers: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"n": pa.array(numbers, pa.int64())})


def load_limit() -> int:
    return 3


def split(step: MapOrFailDoFn, element: Any) -> tuple[list[Any], list[bytes]]:
    """Returns what passes, and the ids of what fails."""
    outputs = list(step.process(element))
    failed = [output.value.id for output in outputs if isinstance(output, beam.pvalue.TaggedOutput)]
    return [output for output in outputs if not isinstance(output, beam.pvalue.TaggedOutput)], failed


def test_both_outputs_and_their_counts_in_a_pipeline() -> None:
    pipeline = beam.Pipeline(runner=FnApiRunner())
    elements = pipeline | beam.Create([make_rows(1, 2, 4), fail(b"before"), make_rows(3)])
    result = elements | "TakeEven" >> MapOrFail(take_even, counter="rows")
    numbers = result.passed | beam.Map(lambda rows: rows.column("n").to_pylist())
    names = result.failures | "Names" >> beam.Map(lambda failure: failure.id)
    assert_that(numbers, equal_to([[2, 4]]), label="passed")  # no batch without rows
    assert_that(names, equal_to([b"1", b"3", b"before"]), label="failures")
    ran = pipeline.run()
    ran.wait_until_finish()
    counters = ran.metrics().query(MetricsFilter().with_namespace("albert_embed"))["counters"]
    assert {counter.key.metric.name: counter.committed for counter in counters} == {"rows": 4, "failures": 3}


def test_what_need_be_no_rows_passes_unless_it_is_none() -> None:
    step = MapOrFailDoFn(halve, counter="rows")
    assert [split(step, number) for number in (4, 0, 3)] == [([2], []), ([0], []), ([], [b"3"])]


@pytest.mark.parametrize("function", [take_even, partial(take_even, limit=3)])
def test_the_step_goes_to_workers(function: Any) -> None:
    step = pickle.loads(pickle.dumps(MapOrFail(function, counter="rows")))._step
    assert split(step, make_rows(1, 2))[1] == [b"1"]


def test_what_is_loaded_is_the_second_argument() -> None:
    step = pickle.loads(pickle.dumps(MapOrFailDoFn(take_even, load=load_limit)))
    step.setup()
    passed, failed = split(step, make_rows(1, 2, 4))
    assert passed == [make_rows(2)] and failed == [b"1"]


def test_the_category_of_a_failure() -> None:
    assert fail(b"x").category == "read: odd"


def test_a_failure_as_json_and_back() -> None:
    failure = Failure(id=b"a\xff", stage="read", reason="odd", error="é", text="é".encode(), window=3)
    read = Failure.from_json(failure.to_json())
    assert read == Failure(id=b"a\\xff", stage="read", reason="odd", error="é", text="é".encode(), window=3)
