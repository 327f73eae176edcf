"""The sample and what is computed of it, against plain computations."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest

from albert_embed.pipeline.nearest.read_vectors import make_blocks
from albert_embed.pipeline.report.charts import count_histogram, make_shares, place_points, value_histogram
from albert_embed.pipeline.vectors.sample_rows import sample_rows
from albert_embed.pipeline.vectors.vector_statistics import describe_vectors, spread


def make_batches(lengths: list[int], sizes: list[int]) -> list[pa.RecordBatch]:
    """Rows whose vectors are (row, 2 · row), with so many tokens each, cut into batches of these sizes."""
    rows = len(lengths)
    whole = pa.RecordBatch.from_pydict(
        {
            "id": pa.array([f"row {row}".encode() for row in range(rows)], pa.binary()),
            "truncated": pa.array([row % 3 == 0 for row in range(rows)], pa.bool_()).cast(pa.int64()),
            "input_ids": pa.array([[7] * length for length in lengths], pa.large_list(pa.int64())),
            "mean_output": pa.array([[row, 2 * row] for row in range(rows)], pa.large_list(pa.float32())),
        }
    )
    ends = list(itertools.accumulate(sizes))
    assert ends[-1] == rows
    return [whole.slice(end - size, size) for end, size in zip(ends, sizes, strict=True)]


def test_the_sample_does_not_depend_on_how_rows_are_cut() -> None:
    lengths = [1 + row % 9 for row in range(100)]
    whole = sample_rows(make_batches(lengths, [100]), "mean_output", size=20, seed=5)
    parts = sample_rows(make_batches(lengths, [1, 40, 9, 50]), "mean_output", size=20, seed=5)
    assert whole.rows == parts.rows and (whole.vectors == parts.vectors).all()
    assert len(whole.rows) == 20 and whole.row_count == 100 and whole.truncated == 34
    numbers = [int(row["id"].decode().split()[1]) for row in whole.rows]
    assert numbers == sorted(set(numbers))
    assert whole.vectors.tolist() == [[number, 2 * number] for number in numbers]
    assert [row["tokens"] for row in whole.rows] == [lengths[number] for number in numbers]
    assert whole.lengths.tolist() == np.bincount(lengths).tolist()
    other = sample_rows(make_batches(lengths, [100]), "mean_output", size=20, seed=6)
    assert other.rows != whole.rows


def test_a_row_of_the_sample_shows_what_a_hit_shows() -> None:
    (batch,) = make_batches([1, 2], [2])
    labels = pa.array([[b"a", b"b"], []], pa.large_list(pa.binary()))
    batch = batch.append_column("labels", labels).append_column("token_starts", batch.column("input_ids"))
    sample = sample_rows([batch], "mean_output", size=2, seed=0)
    (block,) = make_blocks([batch], "mean_output")
    assert [{name: value for name, value in row.items() if name != "tokens"} for row in sample.rows] == (
        block.rows.to_pylist()
    )
    assert list(sample.rows[0]) == ["id", "truncated", "labels", "tokens"] and sample.rows[0]["labels"] == [b"a", b"b"]


def test_every_row_is_taken_as_often_as_any_other() -> None:
    taken = np.zeros(20)
    for seed in range(400):
        sample = sample_rows(make_batches([2] * 20, [13, 7]), "mean_output", size=5, seed=seed)
        taken[[int(row["id"].decode().split()[1]) for row in sample.rows]] += 1
    assert taken.sum() == 2000 and taken.min() >= 60 and taken.max() <= 140  # 100 expected, four standard deviations


def test_vectors_are_described_as_a_plain_computation_has_it() -> None:
    generator = np.random.default_rng(1)
    vectors = generator.normal(size=(30, 6)).astype(np.float32) + 1
    vectors[9] = 2 * vectors[3]
    found = describe_vectors(vectors)
    unit = vectors.astype(np.float64) / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    pairs = {(i, j): float(unit[i] @ unit[j]) for i, j in itertools.combinations(range(30), 2)}
    assert found.mean_cosine == pytest.approx(np.mean(list(pairs.values())), abs=1e-6)
    assert found.cosine_quantiles == pytest.approx(np.quantile(list(pairs.values()), [0.05, 0.5, 0.95]), abs=1e-6)
    alike = [pair for pair, cosine in pairs.items() if cosine > 0.995]
    assert (3, 9) in alike and found.near_duplicates == len(alike)
    assert (found.duplicate_examples[0].first, found.duplicate_examples[0].second) == (3, 9)
    for neighbours in found.neighbours:
        row = neighbours[0].first
        best = sorted((other for other in range(30) if other != row), key=lambda other: -(unit[row] @ unit[other]))
        assert [pair.second for pair in neighbours] == best[:4]
    assert [neighbours[0].first for neighbours in found.neighbours] == spread(30, 6)


def test_equal_vectors_and_vectors_of_zeros() -> None:
    found = describe_vectors(np.zeros((3, 4), np.float32))
    assert found.mean_cosine == 0 and found.near_duplicates == 0
    found = describe_vectors(np.ones((2, 1), np.float32))
    assert found.mean_cosine == pytest.approx(1) and found.near_duplicates == 1


def test_histograms_count_everything_once() -> None:
    counts = np.zeros(201, np.int64)
    counts[[3, 4, 100, 200]] = [5, 1, 2, 7]
    chart = count_histogram(counts, limit=128, limit_label="max-tokens 128")
    assert sum(bar.count for bar in chart.bars) == 15 and len(chart.bars) <= 48
    assert (chart.least, chart.greatest, chart.mark_label) == ("3", "200", "max-tokens 128")
    assert chart.bars[0].left == 0 and chart.bars[-1].left + chart.bars[-1].width == pytest.approx(1)
    assert max(bar.height for bar in chart.bars) == 1 and 0 < chart.mark < 1
    assert count_histogram(np.zeros(4, np.int64), limit=2, limit_label="").bars == []
    values = np.random.default_rng(0).normal(size=100).astype(np.float32)
    assert sum(bar.count for bar in value_histogram(values).bars) == 100
    assert value_histogram(np.zeros(0, np.float32)).bars == []
    for equal in (np.ones(3), np.zeros(3), np.linspace(1 - 1e-7, 1 + 1e-7, 3)):
        chart = value_histogram(equal.astype(np.float32))
        assert [(bar.count, bar.label) for bar in chart.bars] == [(3, chart.least)]
        assert chart.least == chart.greatest == f"{equal[1]:.4g}"


def test_shares_and_points_fill_their_space() -> None:
    shares = make_shares({"read": 1.0, "nothing": 0.0, "inference": 3.0})
    assert [(share.label, share.left, share.width) for share in shares] == [
        ("read", 0, 0.25),
        ("inference", 0.25, 0.75),
    ]
    assert make_shares({"nothing": 0.0}) == []
    points = place_points(np.array([[0, 0], [2, 1]], np.float32), ["a", "b"], ["", "t"])
    assert [(point.x, point.y) for point in points] == [(0.0, 0.75), (1.0, 0.25)]
    assert place_points(np.zeros((0, 2), np.float32), [], []) == []
