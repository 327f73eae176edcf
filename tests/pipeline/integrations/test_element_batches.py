"""Elements in RecordBatches: batches of a bounded size, elements that come back as they were, vectors that travel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.coders.coders import FastPrimitivesCoder
from apache_beam.ml.transforms.base import EmbeddingTypeAdapter
from apache_beam.transforms.window import GlobalWindow, IntervalWindow

from albert_embed.model.architecture.padded_batch import float_lists
from albert_embed.pipeline.integrations.element_batches import (
    PackElements,
    carry_vectors,
    list_outcomes,
    unpack_element,
)
from albert_embed.pipeline.integrations.element_texts import ElementTexts, EmbeddingError
from albert_embed.pipeline.records.batching import BATCH_BYTES, BATCH_RECORDS
from albert_embed.transforms.steps.failure import Failure

CODER = FastPrimitivesCoder()
TEXTS = ElementTexts(
    adapter=EmbeddingTypeAdapter(
        input_fn=lambda elements: [text for element in elements for text in element["texts"]],
        output_fn=lambda elements, vectors: [{**element, "vectors": vectors} for element in elements],
    ),
    names=("first", "second"),
)


def pack(elements: Iterator[Any]) -> tuple[list[pa.RecordBatch], list[Failure]]:
    """Returns the batches and failures of one bundle."""
    step = PackElements(TEXTS, CODER)
    step.start_bundle()
    given = [one for element in elements for one in step.process(element, GlobalWindow())]
    failures = [one.value for one in given if isinstance(one, beam.pvalue.TaggedOutput)]
    batches = [one for one in given if isinstance(one, pa.RecordBatch)]
    return [*batches, *(one.value for one in step.finish_bundle())], failures


def test_many_elements_are_batches_of_a_bounded_size() -> None:
    count = 2 * BATCH_RECORDS + 3
    batches, failures = pack({"texts": (f"{n}", "b"), "n": n} for n in range(count))
    assert ([batch.num_rows for batch in batches], failures) == ([BATCH_RECORDS, BATCH_RECORDS, 3], [])
    assert {batch.schema.names[0] for batch in batches} == {"id"}
    ids = [name for batch in batches for name in batch.column("id").to_pylist()]
    assert len(set(ids)) == count
    assert [unpack_element(name, CODER)["n"] for name in ids] == list(range(count))
    assert [text for batch in batches for text in batch.column("text").to_pylist()] == [b"%d" % n for n in range(count)]
    assert set(batches[-1].column("text 1").to_pylist()) == {b"b"}


def test_large_elements_are_batches_of_few() -> None:
    large = "x" * (BATCH_BYTES // 4)
    batches, _ = pack({"texts": (large, "")} for _ in range(5))
    assert [batch.num_rows for batch in batches] == [2, 2, 1]  # each holds its text twice: for itself and for the model


def test_each_window_has_batches_of_its_own() -> None:
    step = PackElements(TEXTS, CODER)
    step.start_bundle()
    for n in range(4):
        assert list(step.process({"texts": (f"{n}", "")}, IntervalWindow(n % 2, n % 2 + 1))) == []
    found = {one.windows[0].start.seconds(): one.value.column("text").to_pylist() for one in step.finish_bundle()}
    assert found == {0: [b"0", b"2"], 1: [b"1", b"3"]}
    assert list(step.finish_bundle()) == []


def test_an_element_without_its_texts_fails_with_itself() -> None:
    bad = {"texts": ("only one",)}
    batches, (failure,) = pack(iter([bad, {"texts": ("a", b"b")}]))
    assert [batch.num_rows for batch in batches] == [1]
    assert (failure.error, unpack_element(failure.id, CODER)) == ("the element has 1 texts instead of 2", bad)


def test_a_text_is_a_string_or_bytes() -> None:
    with pytest.raises(
        EmbeddingError,
        match=r"^second is \[1, 2\], of type list; it must be a text \(str, or bytes in UTF-8\)\. "
        r"Make it one, or leave the element out$",
    ):
        TEXTS.take({"texts": ("a", [1, 2])})


def test_vectors_travel_while_the_next_text_is_embedded() -> None:
    first, second = (np.arange(6, dtype=np.float32).reshape(3, 2) / (3 + n) for n in range(2))
    rows = pa.RecordBatch.from_pydict({"id": [b"a", b"b", b"c"], "text": [b"x"] * 3, "text 1": [b"1", b"2", b"3"]})

    def embed(rows: pa.RecordBatch, vectors: np.ndarray) -> pa.RecordBatch:
        return rows.append_column("mean_output", float_lists(vectors, np.full(3, 2)))

    carried = carry_vectors(embed(rows, first), position=0, columns=("mean_output",), texts=2)
    assert carried.schema.names == ["id", "vector 0 mean_output", "text"]
    assert carried.column("text").to_pylist() == [b"1", b"2", b"3"]
    done = carry_vectors(embed(carried, second), position=1, columns=("mean_output",), texts=2)
    outcomes = list(list_outcomes(done))
    assert [outcome.id for outcome in outcomes] == [b"a", b"b", b"c"]
    assert [outcome.vectors for outcome in outcomes] == [
        (one.tolist(), other.tolist()) for one, other in zip(first, second, strict=True)
    ]
