"""`CombineDocuments`: rows of windows, spread over bundles, to rows of documents and failures."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that

from albert_embed.model.architecture.padded_batch import float_lists
from albert_embed.pipeline.embed.combine_documents import AddWindows, CombineDocuments, check_contents
from albert_embed.pipeline.settings.field_type import FieldType
from albert_embed.pipeline.settings.kept_fields import parse_kept_fields
from albert_embed.transforms.rows.window_sums import WindowMean
from albert_embed.transforms.steps.failure import Failure

HIDDEN = 4
KEPT = parse_kept_fields(("title:string", "years:int64[]"))


def make_window_rows(
    name: bytes, windows: int, *, content: bytes = b"c", seed: int = 0, title: bytes | None = b"t"
) -> list[pa.RecordBatch]:
    """Returns the rows of one document, each a batch of its own."""
    generator = np.random.default_rng([seed, windows])
    lengths = generator.integers(2, 30, windows)
    means = generator.standard_normal((windows, HIDDEN)).astype(np.float32)
    rows = pa.RecordBatch.from_pydict(
        {
            "id": pa.array([name] * windows, pa.binary()),
            "title": pa.array([title] * windows, pa.binary()),
            "years": pa.array([[1, 2]] * windows, pa.large_list(pa.int64())),
            "content_hash": pa.array([content.ljust(16)] * windows, pa.binary(16)),
            "window": pa.array(range(windows), pa.int64()),
            "window_count": pa.array([windows] * windows, pa.int64()),
            "input_ids": pa.array([[5] * length for length in lengths], pa.large_list(pa.int64())),
            "mean_output": float_lists(means, np.full(windows, HIDDEN)),
        }
    )
    return [rows.slice(window, 1) for window in range(windows)]


def expected_document(rows: list[pa.RecordBatch]) -> tuple[int, int, np.ndarray]:
    windows = [row for batch in rows for row in batch.to_pylist()]
    tokens = [len(window["input_ids"]) for window in windows]
    means = np.array([window["mean_output"] for window in windows], np.float64)
    return len(windows), sum(tokens), np.average(means, axis=0, weights=tokens).astype(np.float32)


def combine(
    batches: list[pa.RecordBatch],
    check_documents: Callable[[list[pa.RecordBatch]], None],
    check_failures: Callable[[list[Failure]], None],
    *,
    sources: int = 3,
) -> None:
    """Runs the transform over `batches`, shuffled and dealt to several sources, and reshuffled on the way."""
    batches = random.Random(1).sample(batches, len(batches))
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        parts = [pipeline | f"Create{part}" >> beam.Create(batches[part::sources]) for part in range(sources)]
        combined = parts | beam.Flatten() | beam.Reshuffle() | CombineDocuments(KEPT)
        assert_that(combined["documents"], check_documents, label="documents")
        assert_that(combined["failures"], check_failures, label="failures")


def test_windows_from_many_bundles_make_one_row_a_document() -> None:
    documents = {b"doc %d" % count: make_window_rows(b"doc %d" % count, count) for count in (1, 2, 5, 16, 40)}
    expected = {name: expected_document(rows) for name, rows in documents.items()}

    def check_documents(batches: list[pa.RecordBatch]) -> None:
        rows: list[dict[str, Any]] = [row for batch in batches for row in batch.to_pylist()]
        assert sorted(row["id"] for row in rows) == sorted(expected)
        for row in rows:
            windows, tokens, vector = expected[row["id"]]
            assert (row["windows"], row["tokens"], row["title"], row["years"]) == (windows, tokens, b"t", [1, 2])
            np.testing.assert_allclose(np.float32(row["document_output"]), vector, rtol=1e-6, atol=1e-7)
        for batch in batches:
            assert batch.schema.names == ["id", "windows", "tokens", "title", "years", "document_output"]

    def check_failures(failures: list[Failure]) -> None:
        assert failures == []

    combine([row for rows in documents.values() for row in rows], check_documents, check_failures)


def test_duplicates_count_once_and_what_is_not_whole_or_unique_fails() -> None:
    twice = make_window_rows(b"twice", 6)
    lacking = make_window_rows(b"lacking", 9)
    one, other = make_window_rows(b"same id", 3), make_window_rows(b"same id", 2, content=b"d", seed=1)
    windows, tokens, vector = expected_document(twice)
    named = f"{b'c'.ljust(16).hex()}, {b'd'.ljust(16).hex()}"

    def check_documents(batches: list[pa.RecordBatch]) -> None:
        (row,) = [row for batch in batches for row in batch.to_pylist()]
        assert (row["id"], row["windows"], row["tokens"]) == (b"twice", windows, tokens)
        np.testing.assert_allclose(np.float32(row["document_output"]), vector, rtol=1e-6, atol=1e-7)

    def check_failures(failures: list[Failure]) -> None:
        found = {(failure.id, failure.stage, failure.reason, failure.error.split(";")[0]) for failure in failures}
        assert len(failures) == len(found)
        assert found == {
            (b"lacking", "combine", "window failed", "of 9 windows there are 7 (0-2, 4-6, 8)"),
            *(
                (
                    b"same id",
                    "combine",
                    "id not unique",
                    f"the content {content.ljust(16).hex()} is one of 2 with this id ({named})",
                )
                for content in (b"c", b"d")
            ),
        }

    there = [lacking[window] for window in range(9) if window not in (3, 7)]
    combine([*twice, *twice[:2], *twice, *there, *one, *other], check_documents, check_failures)


def test_no_rows_are_no_documents() -> None:
    def check_nothing(found: list[Any]) -> None:
        assert found == []

    combine([], check_nothing, check_nothing)


def test_many_contents_of_one_id_cost_their_hashes_only() -> None:
    add = AddWindows()  # type: ignore[no-untyped-call]
    contents = add.create_accumulator()
    for number in range(5):
        window = WindowMean(bytes([number]) * 16, 0, 1, 2, np.ones(HIDDEN, np.float32), ())
        contents = add.add_input(contents, window)
    merged = add.merge_accumulators([contents, add.create_accumulator(), contents])
    assert merged == dict.fromkeys(bytes([number]) * 16 for number in range(5))
    document, failures = check_contents((b"x", add.extract_output(merged)))
    assert document is None
    assert [failure.error.split(" ")[2] for failure in failures] == [(bytes([n]) * 16).hex() for n in range(5)]
    assert f"({'00' * 16}, {'01' * 16}, {'02' * 16} and 2 more)" in failures[0].error


def test_merging_two_contents_drops_the_sums() -> None:
    add = AddWindows()  # type: ignore[no-untyped-call]
    accumulators = [
        add.add_input(add.create_accumulator(), WindowMean(content * 16, 0, 1, 2, np.ones(HIDDEN, np.float32), ()))
        for content in (b"a", b"b")
    ]
    assert add.merge_accumulators(accumulators) == {b"a" * 16: None, b"b" * 16: None}


@pytest.mark.parametrize("kept", [None, KEPT])
def test_it_can_be_sent_to_workers(kept: dict[str, FieldType] | None) -> None:
    assert isinstance(pickle.loads(pickle.dumps(CombineDocuments(kept))), CombineDocuments)
