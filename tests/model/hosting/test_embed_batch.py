"""`embed_batch`: the columns it makes, and what becomes of rows that can't be embedded."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from albert_embed.model.engines.compilations import compilations
from albert_embed.model.hosting.embed_batch import embed_batch
from albert_embed.model.hosting.embeddings import check_embeddings
from albert_embed.transforms.steps import metrics
from albert_embed.transforms.steps.failure import Failure
from tests.model.fake_engine import FakeEngine, pooled_of, sequence_of

ALL = ("pooled", "sequence", "mean")
ROWS = [[2, 9, 3], [2, 3], [2, 5, 6, 7, 3], [2, 8, 3], [2, 4, 4, 3]]


def make_batch(rows: list[list[int]] = ROWS) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            "id": pa.array([f"d{row}".encode() for row in range(len(rows))], pa.binary()),
            "text_start": pa.array([f"text {row}".encode() for row in range(len(rows))], pa.binary()),
            "window": pa.array(range(len(rows)), pa.int64()),
            "input_ids": pa.array(rows, pa.large_list(pa.int64())),
            "year": pa.array([1900 + row for row in range(len(rows))]),
        }
    )


def run(
    batch: pa.RecordBatch, engine: FakeEngine, embeddings: tuple[str, ...] = ALL
) -> tuple[dict[bytes, dict[str, Any]], list[Failure]]:
    """Returns rows by id, and failures."""
    rows, failures = {}, []
    for result in embed_batch(batch, engine, embeddings):
        if isinstance(result, Failure):
            failures.append(result)
        else:
            rows.update({row["id"]: row for row in result.to_pylist()})
    return rows, failures


def assert_embedded(rows: dict[bytes, dict[str, Any]], expected: dict[bytes, list[int]]) -> None:
    assert list(rows) == list(expected)
    for name, ids in expected.items():
        row = rows[name]
        assert row["input_ids"] == ids
        assert row["pooled_output"] == pooled_of(ids).tolist()
        assert row["sequence_output"] == sequence_of(ids).ravel().tolist()
        mean = sequence_of(ids).mean(axis=0, dtype=np.float64).astype(np.float32)
        assert row["mean_output"] == mean.tolist()


def ids_of(*numbers: int) -> dict[bytes, list[int]]:
    return {f"d{number}".encode(): ROWS[number] for number in numbers}


def test_every_column_is_what_the_engine_gave() -> None:
    engine = FakeEngine()
    (embedded,) = list(embed_batch(make_batch(), engine, ALL))
    assert isinstance(embedded, pa.RecordBatch)
    own = ["id", "text_start", "window", "input_ids", "year"]
    assert embedded.schema.names == [*own, "pooled_output", "sequence_output", "mean_output"]
    assert embedded.select(own).equals(make_batch())
    for name in ("pooled_output", "sequence_output", "mean_output"):
        assert embedded.schema.field(name).type == pa.large_list(pa.float32())
    assert_embedded({row["id"]: row for row in embedded.to_pylist()}, ids_of(0, 1, 2, 3, 4))
    assert engine.asked == [(5, 5, frozenset({"mean_output", "pooled_output", "sequence_output"}))]


@pytest.mark.parametrize("rows", [[[2, 9, 3]] * 4, [[2, 3]]], ids=["no padding", "one row"])
def test_padding_is_in_no_embedding(rows: list[list[int]]) -> None:
    embedded, failures = run(make_batch(rows), FakeEngine())
    assert failures == []
    assert_embedded(embedded, {f"d{number}".encode(): ids for number, ids in enumerate(rows)})


@pytest.mark.parametrize(
    ("embeddings", "outputs"),
    [
        (("pooled",), {"pooled_output"}),
        (("sequence",), {"sequence_output"}),
        (("mean",), {"mean_output"}),
        (("mean", "pooled"), {"mean_output", "pooled_output"}),
    ],
)
def test_only_what_is_asked_for_is_computed(embeddings: tuple[str, ...], outputs: set[str]) -> None:
    engine = FakeEngine()
    rows, _ = run(make_batch(), engine, embeddings)
    assert [asked[2] for asked in engine.asked] == [outputs]
    made = {name for name in rows[b"d0"] if name.endswith("_output")}
    assert made == {f"{name}_output" for name in embeddings}


@pytest.mark.parametrize(("start", "length"), [(1, 3), (2, 1), (4, 1), (0, 2)])
def test_a_slice_is_embedded_as_it_stands(start: int, length: int) -> None:
    rows, failures = run(make_batch().slice(start, length), FakeEngine())
    assert failures == []
    assert_embedded(rows, ids_of(*range(start, start + length)))


def test_segments_reach_the_engine() -> None:
    seen = []

    class Listening(FakeEngine):
        def run(self, inputs, outputs):  # type: ignore[no-untyped-def]
            seen.append(inputs["segment_ids"].tolist())
            return super().run(inputs, outputs)

    pair = pa.RecordBatch.from_pydict(
        {
            "input_ids": pa.array([[2, 9, 3, 8, 3], [2, 3, 3]], pa.large_list(pa.int64())),
            "segment_ids": pa.array([[0, 0, 0, 1, 1], [0, 0, 1]], pa.large_list(pa.int64())),
        }
    )
    list(embed_batch(pair, Listening(), ("pooled",)))
    assert seen == [[[0, 0, 0, 1, 1], [0, 0, 1, 0, 0]]]


def test_compilations_are_counted_whoever_compiles() -> None:
    class Compiling(FakeEngine):
        def run(self, inputs, outputs):  # type: ignore[no-untyped-def]
            def compile_program() -> None:
                with compilations.measure():
                    pass

            thread = threading.Thread(target=compile_program)
            thread.start()
            thread.join()
            return super().run(inputs, outputs)

    compilations.take()  # of the tests before
    metrics.forget_counts()
    list(embed_batch(make_batch(), Compiling(), ("pooled",)))
    list(embed_batch(make_batch(), FakeEngine(), ("pooled",)))
    taken = metrics.take_counts()
    assert taken is not None and taken.counts["compilations"] == 1


def test_a_batch_that_does_not_fit_is_halved() -> None:
    engine = FakeEngine(most_rows=2)
    rows, failures = run(make_batch(), engine)
    assert failures == []
    assert_embedded(rows, ids_of(0, 1, 2, 3, 4))
    # Each part is padded to its own longest row.
    assert [asked[:2] for asked in engine.asked] == [(5, 5), (2, 3), (3, 5), (1, 5), (2, 4)]


def test_a_row_that_never_fits_fails_alone() -> None:
    rows, failures = run(make_batch(), FakeEngine(too_long=5))
    assert_embedded(rows, ids_of(0, 1, 3, 4))
    assert failures == [
        Failure(
            id=b"d2",
            stage="inference",
            reason="out of memory",
            error="a row of 5 tokens failed alone: no room for [1, 5]",
            text=b"text 2",
            window=2,
        )
    ]


@given(
    rows=st.lists(st.lists(st.integers(5, 9), min_size=1, max_size=6), min_size=1, max_size=20),
    most_rows=st.integers(1, 21),
    too_long=st.integers(1, 8),
    bad_token=st.sampled_from([-1, 9]),
)
def test_whatever_does_not_fit_each_row_is_embedded_or_fails_once(
    rows: list[list[int]], most_rows: int, too_long: int, bad_token: int
) -> None:
    engine = FakeEngine(most_rows=most_rows, too_long=too_long, bad_token=bad_token)
    embedded, failures = run(make_batch(rows), engine)
    names = {f"d{number}".encode(): ids for number, ids in enumerate(rows)}
    reasons = {
        name: "out of memory" if len(ids) >= too_long else "refused by the model"
        for name, ids in names.items()
        if len(ids) >= too_long or bad_token in ids
    }
    assert [(failure.id, failure.reason) for failure in failures] == list(reasons.items())
    assert_embedded(embedded, {name: ids for name, ids in names.items() if name not in reasons})
    assert len(engine.asked) < 2 * len(rows)


def test_when_nothing_fits_every_row_fails() -> None:
    rows, failures = run(make_batch(), FakeEngine(most_rows=0))
    assert rows == {}
    assert [(failure.id, failure.reason) for failure in failures] == [
        (f"d{row}".encode(), "out of memory") for row in range(5)
    ]


def test_a_row_that_the_model_refuses_fails_alone() -> None:
    rows, failures = run(make_batch(), FakeEngine(bad_token=8))
    assert_embedded(rows, ids_of(0, 1, 2, 4))
    assert failures == [
        Failure(
            id=b"d3",
            stage="inference",
            reason="refused by the model",
            error="a row of 3 tokens failed alone: token 8 is out of range",
            text=b"text 3",
            window=3,
        )
    ]


@pytest.mark.parametrize(
    ("engine", "embeddings", "failed"),
    [
        (FakeEngine(nan_token=9), ALL, 0),
        (FakeEngine(nan_token=9), ("pooled",), 0),
        (FakeEngine(inf_token=8), ALL, 3),
        (FakeEngine(inf_token=8), ("sequence",), 3),
        (FakeEngine(inf_token=8), ("mean",), 3),
    ],
)
def test_a_row_that_is_not_finite_fails(engine: FakeEngine, embeddings: tuple[str, ...], failed: int) -> None:
    rows, failures = run(make_batch(), engine, embeddings)
    assert list(rows) == [f"d{row}".encode() for row in range(5) if row != failed]
    assert [(failure.id, failure.stage, failure.reason, failure.text, failure.window) for failure in failures] == [
        (f"d{failed}".encode(), "inference", "not finite", f"text {failed}".encode(), failed)
    ]
    assert failures[0].error.startswith("the model gave NaN or infinity; ")
    assert len(engine.asked) == 1  # nothing is gained by halving


def test_infinity_that_was_not_asked_for_is_no_failure() -> None:
    rows, failures = run(make_batch(), FakeEngine(inf_token=8), ("pooled",))
    assert len(rows) == 5 and failures == []


def test_no_rows_give_nothing() -> None:
    engine = FakeEngine()
    assert list(embed_batch(make_batch().slice(0, 0), engine, ALL)) == []
    assert engine.asked == []


def test_rows_without_an_id_can_fail_too() -> None:
    batch = make_batch().select(["input_ids"])
    (failure,) = [r for r in embed_batch(batch.slice(2, 1), FakeEngine(too_long=5), ALL) if isinstance(r, Failure)]
    assert (failure.id, failure.text, failure.window) == (b"", b"", None)


@pytest.mark.parametrize(
    "embeddings", [(), ("cls",), ("pooled", "pooled"), ("pooled", "")], ids=["none", "unknown", "twice", "empty"]
)
def test_embeddings_are_checked(embeddings: tuple[str, ...]) -> None:
    with pytest.raises(ValueError) as error:
        check_embeddings(embeddings)
    assert str(error.value) == (
        f"embeddings must be one or more of pooled, sequence, mean, sentence, each once, not {list(embeddings)}"
    )
