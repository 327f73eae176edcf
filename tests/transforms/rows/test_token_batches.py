"""Batches by padded tokens: within the budget always, no row lost, memory bounded, padding small."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from collections.abc import Iterator

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.internal import pickler
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.transforms.window import FixedWindows, GlobalWindows, TimestampedValue
from hypothesis import given
from hypothesis import strategies as st

from albert_embed.transforms.rows.token_batches import BatchByTokens, TokenBatchConfig, TokenBuffer, cut_batches


def make_rows(lengths: list[int], *, first: int = 0) -> pa.RecordBatch:
    """Returns rows of so many tokens; row number `n` holds nothing but `n`."""
    numbers = range(first, first + len(lengths))
    return pa.RecordBatch.from_pydict(
        {
            "id": pa.array([b"%d" % number for number in numbers], pa.binary()),
            "input_ids": pa.array(
                [[number] * length for number, length in zip(numbers, lengths, strict=True)],
                pa.large_list(pa.int64()),
            ),
            "year": pa.array([1000 + number for number in numbers]),
        }
    )


def make_batches(lengths: list[int], sizes: Iterator[int]) -> Iterator[pa.RecordBatch]:
    start = 0
    while start < len(lengths):
        size = next(sizes)
        yield make_rows(lengths[start : start + size], first=start)
        start += size


def lengths_of(batch: pa.RecordBatch) -> list[int]:
    lengths: list[int] = batch.column("input_ids").value_lengths().to_pylist()
    return lengths


def run(rows: Iterator[pa.RecordBatch] | list[pa.RecordBatch], config: TokenBatchConfig) -> list[pa.RecordBatch]:
    buffer = TokenBuffer(config)
    return [batch for part in rows for batch in buffer.add(part)] + list(buffer.flush())


def assert_right(batches: list[pa.RecordBatch], lengths: list[int], config: TokenBatchConfig) -> None:
    """Asserts that every row is there once and whole, and every batch within the budget."""
    seen: Counter[bytes] = Counter()
    for batch in batches:
        found = lengths_of(batch)
        assert found and len(found) * max(found) <= config.batch_tokens
        for row in batch.to_pylist():
            number = int(row["id"])
            assert row["input_ids"] == [number] * lengths[number] and row["year"] == 1000 + number
            seen[row["id"]] += 1
    assert seen == Counter(b"%d" % number for number in range(len(lengths)))


@st.composite
def draw_configs(draw: st.DrawFn) -> TokenBatchConfig:
    """Any budget, from one that holds a single row on, and any buffer."""
    longest = draw(st.sampled_from([1, 2, 7, 64, 512]))
    return TokenBatchConfig(
        max_tokens=longest,
        batch_tokens=longest + draw(st.integers(0, 3000)),
        buffer_tokens=draw(st.one_of(st.integers(1, 2000), st.just(1 << 20))),
        buffer_bytes=draw(st.one_of(st.integers(1, 5000), st.just(64 << 20))),
        least_fill=draw(st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.92, 1.0]))),
    )


@given(config=draw_configs(), data=st.data())
def test_any_rows_are_cut_within_the_budget_and_no_sooner_than_they_must(
    config: TokenBatchConfig, data: st.DataObject
) -> None:
    drawn = data.draw(st.lists(st.integers(1, config.max_tokens), max_size=60))
    lengths = np.sort(np.array(drawn, np.int64))[::-1]
    cuts = cut_batches(lengths, config)
    assert [number for start, stop in cuts for number in range(start, stop)] == list(range(len(lengths)))
    for start, stop in cuts:
        longest = lengths[start]
        shortest_allowed = np.ceil(config.least_fill * longest)
        assert (stop - start) * longest <= config.batch_tokens
        assert lengths[stop - 1] >= shortest_allowed or stop == start + 1
        if stop < len(lengths):
            assert (stop + 1 - start) * longest > config.batch_tokens or lengths[stop] < shortest_allowed


@given(config=draw_configs(), data=st.data())
def test_by_real_tokens_a_batch_ends_where_the_budget_or_twice_its_padding_does(
    config: TokenBatchConfig, data: st.DataObject
) -> None:
    config = dataclasses.replace(config, real_tokens=True)
    drawn = data.draw(st.lists(st.integers(1, config.max_tokens), max_size=60))
    lengths = np.sort(np.array(drawn, np.int64))[::-1]
    cuts = cut_batches(lengths, config)
    assert [number for start, stop in cuts for number in range(start, stop)] == list(range(len(lengths)))
    for start, stop in cuts:
        assert lengths[start:stop].sum() <= config.batch_tokens
        assert (stop - start) * lengths[start] <= 2 * config.batch_tokens
        if stop < len(lengths):
            too_many = lengths[start : stop + 1].sum() > config.batch_tokens
            assert too_many or (stop + 1 - start) * lengths[start] > 2 * config.batch_tokens


def test_rows_of_different_lengths_fill_a_batch_of_real_tokens() -> None:
    lengths = [number % 32 + 33 for number in range(320)]
    padded = TokenBatchConfig(max_tokens=64, batch_tokens=4096, buffer_tokens=1 << 20)
    real = dataclasses.replace(padded, real_tokens=True)
    rows = [make_rows(lengths)]
    assert [sum(lengths_of(batch)) for batch in run(rows, real)] == [4096, 4054, 4081, 3289]
    assert len(run(rows, padded)) == 8


@given(config=draw_configs(), data=st.data())
def test_any_mix_of_lengths_comes_out_whole(config: TokenBatchConfig, data: st.DataObject) -> None:
    parts = data.draw(st.lists(st.lists(st.integers(1, config.max_tokens), max_size=30), max_size=8))
    starts = np.cumsum([0, *map(len, parts)])
    batches = [make_rows(part, first=int(start)) for part, start in zip(parts, starts, strict=False)]
    assert_right(run(batches, config), [length for part in parts for length in part], config)


def test_more_rows_at_once_than_the_buffer_looks_at() -> None:
    config = TokenBatchConfig(max_tokens=8, batch_tokens=64, buffer_tokens=500)
    lengths = [1 + number % 8 for number in range(5000)]
    assert_right(run([make_rows(lengths)], config), lengths, config)


def test_a_slice_is_taken_as_it_stands() -> None:
    config = TokenBatchConfig(max_tokens=8, batch_tokens=16)
    (batch,) = run([make_rows([3, 5, 5, 4]).slice(1, 2)], config)
    assert batch.column("id").to_pylist() == [b"1", b"2"]


def test_the_same_rows_give_the_same_batches() -> None:
    config = TokenBatchConfig(max_tokens=64, batch_tokens=256, buffer_tokens=1000)
    generator = random.Random(3)
    lengths = [generator.randint(1, 64) for _ in range(300)]
    first, second = (run(make_batches(lengths, iter([37] * 9)), config) for _ in range(2))
    assert len(first) == len(second) and all(one.equals(two) for one, two in zip(first, second, strict=True))


def test_how_rows_arrive_does_not_matter_while_the_buffer_holds_them() -> None:
    config = TokenBatchConfig(max_tokens=64, batch_tokens=256)
    generator = random.Random(4)
    lengths = [generator.randint(1, 64) for _ in range(300)]
    whole = run([make_rows(lengths)], config)
    parts = run(make_batches(lengths, iter([1, 99, 7, 193])), config)
    assert [batch.to_pydict() for batch in parts] == [batch.to_pydict() for batch in whole]
    shuffled = run([make_rows(lengths).take(pa.array(generator.sample(range(300), 300)))], config)
    assert [lengths_of(batch) for batch in shuffled] == [lengths_of(batch) for batch in whole]


@pytest.mark.parametrize(("tokens", "size"), [(2000, 1 << 30), (1 << 30, 40_000)], ids=["by tokens", "by bytes"])
def test_the_buffer_is_bounded(tokens: int, size: int) -> None:
    config = TokenBatchConfig(max_tokens=64, batch_tokens=512, buffer_tokens=tokens, buffer_bytes=size)
    generator = random.Random(5)
    lengths = [generator.randint(1, 64) for _ in range(4000)]
    buffer = TokenBuffer(config)
    arrived_tokens = arrived_bytes = left_tokens = left_bytes = most_tokens = most_bytes = 0
    arriving_tokens, arriving_bytes = 0, 0
    for part in make_batches(lengths, iter(lambda: 20, 0)):
        arrived_tokens += sum(lengths_of(part))
        arrived_bytes += part.nbytes
        arriving_tokens = max(arriving_tokens, sum(lengths_of(part)))
        arriving_bytes = max(arriving_bytes, part.nbytes)
        for batch in buffer.add(part):
            left_tokens += sum(lengths_of(batch))
            left_bytes += batch.nbytes
        most_tokens = max(most_tokens, arrived_tokens - left_tokens)
        most_bytes = max(most_bytes, arrived_bytes - left_bytes)
    # Between two calls it holds less than its bound; while one runs, that and what arrives.
    assert most_tokens < tokens
    assert most_bytes < size + arriving_bytes  # a taken row's offsets weigh a little differently than a sliced one's
    assert max(most_tokens / tokens, most_bytes / size) > 0.5  # the bound is used, too
    assert arriving_tokens < tokens


@pytest.mark.parametrize("seed", range(3))
def test_skewed_lengths_are_padded_by_little(seed: int) -> None:
    generator = np.random.default_rng(seed)
    lengths = np.clip(generator.lognormal(3.4, 1.1, 4000), 2, 512).astype(int).tolist()
    config = TokenBatchConfig(max_tokens=512, batch_tokens=4096)
    batches = run(make_batches(lengths, iter(lambda: 500, 0)), config)
    assert_right(batches, lengths, config)
    padded = sum(batch.num_rows * max(lengths_of(batch)) for batch in batches)
    assert sum(lengths) / padded >= 0.9


def test_cuts_of_sorted_lengths() -> None:
    config = TokenBatchConfig(max_tokens=100, batch_tokens=200, least_fill=0.5)
    assert cut_batches(np.array([100, 100, 100, 50, 49, 20, 10]), config) == [(0, 2), (2, 4), (4, 5), (5, 7)]
    assert cut_batches(np.array([10, 10, 10]), config) == [(0, 3)]
    assert cut_batches(np.array([], int), config) == []
    assert cut_batches(np.array([92, 91]), TokenBatchConfig(max_tokens=100, batch_tokens=200, least_fill=1)) == [
        (0, 1),
        (1, 2),
    ]


def test_a_row_over_the_budget_is_refused() -> None:
    config = TokenBatchConfig(max_tokens=10, batch_tokens=20)
    with pytest.raises(ValueError, match=r"^a row of 21 tokens exceeds batch_tokens 20$"):
        run([make_rows([3, 21])], config)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_tokens": 0}, "max_tokens must be at least 1, not 0"),
        ({"batch_tokens": 9}, "batch_tokens 9 can't hold one row of max_tokens 10; give at least 10"),
        ({"buffer_tokens": 0}, "the buffer must hold something, not 0 tokens, 67108864 bytes"),
        ({"buffer_bytes": 0}, "the buffer must hold something, not 1048576 tokens, 0 bytes"),
        ({"least_fill": 1.1}, "least_fill must lie between 0 and 1, not 1.1"),
        ({"least_fill": -0.1}, "least_fill must lie between 0 and 1, not -0.1"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError) as error:
        TokenBatchConfig(**{"max_tokens": 10, "batch_tokens": 20, **options})  # type: ignore[arg-type]
    assert str(error.value) == message


def test_in_a_pipeline_and_after_pickling() -> None:
    config = TokenBatchConfig(max_tokens=8, batch_tokens=24, buffer_tokens=100)
    transform = pickler.loads(pickler.dumps(BatchByTokens(config)))
    generator = random.Random(6)
    lengths = [generator.randint(1, 8) for _ in range(200)]
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        batches = pipeline | beam.Create(list(make_batches(lengths, iter(lambda: 30, 0)))) | transform
        assert_that(batches, lambda found: assert_right(found, lengths, config))


def test_windows_are_kept_apart() -> None:
    config = TokenBatchConfig(max_tokens=8, batch_tokens=800)
    parts = [TimestampedValue(make_rows([4], first=number), 10 * (number % 3) + 1) for number in range(9)]
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        found = (
            pipeline
            | beam.Create(parts)
            | beam.WindowInto(FixedWindows(10))
            | BatchByTokens(config)
            | beam.Map(
                lambda batch, window=beam.DoFn.WindowParam: (
                    float(window.start),
                    sorted(int(row) % 3 for row in batch.column("id").to_pylist()),
                )
            )
            | "Together" >> beam.WindowInto(GlobalWindows())
            | beam.combiners.ToList()
            | "Sort" >> beam.Map(lambda found: sorted((start, row) for start, rows in found for row in rows))
        )
        expected = sorted((10.0 * (number % 3), number % 3) for number in range(9))
        assert_that(found, equal_to([expected]))
