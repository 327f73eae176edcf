"""The step of the second reading: one part with what is selected and finished of it."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest

from albert_embed.pipeline.documents.keyed_tables import to_bytes
from albert_embed.pipeline.reading.read_all import ReadAll
from albert_embed.pipeline.reading.read_wanted import MISSING, FinishedShardsError, ReadWanted
from albert_embed.transforms.steps.outputs import FAILURES
from tests.pipeline.reading.made_input import MadePart, make_reader
from tests.pipeline.reading.test_selected_documents import TEXTS, select
from tests.pipeline.reading.test_unfinished_documents import finish

PART = MadePart("a")


def read(
    step: ReadWanted, *, selected: Sequence[pa.Table] = (), finished: Sequence[pa.Table] = (), times: int = 1
) -> tuple[list[int], dict[str, list[Any]]]:
    """Returns the positions of the documents, and what went to other outputs."""
    grouped: dict[str, Any] = {
        "parts": [PART] * times,
        "selected": list(map(to_bytes, selected)),
        "finished": list(map(to_bytes, finished)),
    }
    documents: list[int] = []
    others: dict[str, list[Any]] = {FAILURES: [], MISSING: []}
    for found in step.process((PART.key, grouped)):
        if isinstance(found, beam.pvalue.TaggedOutput):
            others[found.tag].append(found.value)
        else:
            documents += found.column("input_position").to_pylist()
    return documents, others


def make_step(*, selects: bool, **more: Any) -> ReadWanted:
    return ReadWanted(make_reader({"a": TEXTS}, **more), selects=selects)


def test_all_documents_and_failures_where_nothing_is_selected_or_finished() -> None:
    documents, others = read(make_step(selects=False, broken=("a",)))
    assert documents == list(range(6)) and [failure.reason for failure in others[FAILURES]] == ["broken file"]
    assert others[MISSING] == []


def test_the_rest_of_a_part_that_was_begun() -> None:
    documents, _ = read(make_step(selects=False), finished=[finish((0, 0, 1), (5, 0, 1), texts=TEXTS)])
    assert documents == [1, 2, 3, 4]


def test_of_a_part_that_is_there_twice_finished_rows_are_those_of_one_reading() -> None:
    finished = finish((0, 0, 1), (1, 0, 1), texts=TEXTS)
    documents, _ = read(make_step(selects=False), finished=[finished], times=2)
    assert documents == [2, 3, 4, 5, 0, 1, 2, 3, 4, 5]


def test_what_is_selected_without_the_failures_of_the_first_reading() -> None:
    step = make_step(selects=True, broken=("a",))
    documents, others = read(step, selected=[select((0, True)), select((3, False), (5, True))])
    assert documents == [0, 5] and [failure.reason for failure in others[FAILURES]] == ["id not unique"]
    assert others[MISSING] == []


def test_what_is_selected_less_what_is_finished() -> None:
    finished = finish((5, 0, 1), texts=TEXTS)
    documents, others = read(make_step(selects=True), selected=[select((0, True), (5, True))], finished=[finished])
    assert documents == [0] and others[MISSING] == []


def test_a_part_of_which_nothing_is_selected_is_not_read() -> None:
    reader = make_reader({"a": TEXTS})
    assert read(ReadWanted(reader, selects=True))[0] == []
    assert reader.records.reads == []  # type: ignore[attr-defined]


def test_documents_that_have_changed_are_counted() -> None:
    step = ReadWanted(make_reader({"a": [("a", "1 now"), *TEXTS[1:]]}), selects=True)
    documents, others = read(step, selected=[select((0, True), (5, True))])
    assert documents == [5] and others[MISSING] == [1]


def test_finished_rows_of_another_input_end_the_run() -> None:
    finished = finish((0, 0, 2), (0, 1, 2), texts=[("a", "another")])
    message = (
        r"2 rows that an earlier run finished are not in MadePart.*; nothing was .*Delete out/_staging/r1, and run"
    )
    step = ReadWanted(make_reader({"a": TEXTS}), selects=False, finished_in=["out/_staging/r1"])
    with pytest.raises(FinishedShardsError, match=message):
        read(step, finished=[finished])


def test_the_steps_are_pickled() -> None:
    step = pickle.loads(pickle.dumps(make_step(selects=True)))
    step.setup()
    assert read(step, selected=[select((1, True))])[0] == [1]
    read_all = pickle.loads(pickle.dumps(ReadAll(make_reader({"a": TEXTS}, broken=("a",)))))
    read_all.setup()
    first, failure, second = read_all.process(PART)
    assert (first.num_rows, failure.tag, second.num_rows) == (3, FAILURES, 3)
