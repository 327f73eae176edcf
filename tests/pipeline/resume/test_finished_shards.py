"""What a run that was cut off has left: which shards are taken, and that every row comes out as often as it must."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.internal import pickler
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that

from albert_embed.pipeline.commit.staging import StagingFolder
from albert_embed.pipeline.resume.copy_repeated import CopyRepeated, FinishedShardsError
from albert_embed.pipeline.resume.drop_finished import DropFinished
from albert_embed.pipeline.resume.finished_shards import FinishedRows, choose_finished_shards, find_finished_shards
from albert_embed.pipeline.resume.run_record import RunRecord, list_differences
from albert_embed.pipeline.shards.shard import Shard
from tests.pipeline.embedded_rows import make_formats, make_rows, make_schema, write_shard

BOTH = ("tfrecord", "parquet")
RUN = "20260102T030405Z-0123456789ab"


def write(directory: Path, *batches: pa.RecordBatch, sinks: tuple[str, ...] = BOTH) -> list[Shard]:
    formats = make_formats(sinks)
    folder = StagingFolder(directory=str(directory), run=RUN).path
    return sorted((write_shard(folder, batch, formats) for batch in batches), key=lambda shard: shard.name)


def make_finished(directory: Path, *batches: pa.RecordBatch, sinks: tuple[str, ...] = BOTH) -> FinishedRows:
    shards = write(directory, *batches, sinks=sinks)
    return FinishedRows(directory=str(directory), shards=tuple(shards), schema=make_schema())


def test_whole_shards_are_found(tmp_path: Path) -> None:
    shards = write(tmp_path, make_rows([2, 3]), make_rows([4], first=2))
    (tmp_path / "_staging" / RUN / "run.json").write_text("{}")
    assert find_finished_shards(str(tmp_path), [RUN], may_overlap=False) == shards
    assert find_finished_shards(str(tmp_path / "nothing"), [RUN], may_overlap=False) == []


def remove_index(directory: Path, shard: Shard) -> None:
    (directory / shard.index_file).unlink()


def remove_data(directory: Path, shard: Shard) -> None:
    (directory / shard.data_file("parquet")).unlink()


def cut_data(directory: Path, shard: Shard) -> None:
    path = directory / shard.data_file("tfrecord")
    path.write_bytes(path.read_bytes()[:-1])


def garble_index(directory: Path, shard: Shard) -> None:
    (directory / shard.index_file).write_bytes(b"no Parquet")


def rename_index(directory: Path, shard: Shard) -> None:
    (directory / shard.index_file).rename(directory / "index-other.parquet")


@pytest.mark.parametrize("damage", [remove_index, remove_data, cut_data, garble_index, rename_index])
def test_a_shard_that_is_not_whole_is_left(tmp_path: Path, damage: Any) -> None:
    shards = write(tmp_path, make_rows([2, 3]), make_rows([4], first=2))
    damage(tmp_path / "_staging" / RUN, shards[0])
    assert find_finished_shards(str(tmp_path), [RUN], may_overlap=True) == shards[1:]


def test_of_two_attempts_at_the_same_rows_one_is_taken(tmp_path: Path) -> None:
    first, *_ = shards = write(tmp_path, make_rows([2, 3]), make_rows([2, 3, 4]), make_rows([2], first=9))
    taken = find_finished_shards(str(tmp_path), [RUN], may_overlap=False)
    assert [shard.rows for shard in taken].count(1) == 1 and len(taken) == 2
    assert taken == [shard for shard in shards if shard in (first, *taken)]
    assert find_finished_shards(str(tmp_path), [RUN], may_overlap=True) == shards


def record(**changes: Any) -> RunRecord:
    fields: dict[str, Any] = {"started": 1.0, "host": "h", "pid": 2, "fingerprint": {"model": "m"}, "retries": False}
    return RunRecord(**{**fields, **changes})


@pytest.mark.parametrize(
    ("before", "fingerprint", "message"),
    [
        (record(), {"model": "m"}, "3 rows in 2 shards of a run that was cut off are used again"),
        (
            record(),
            {"model": "n", "input": "i"},
            "3 rows of a run that was cut off are embedded again, because these have changed: input, model",
        ),
        (record(), None, "3 rows of a run that was cut off are embedded again: its input can't be compared"),
        (
            record(fingerprint=None),
            {"model": "m"},
            "3 rows of a run that was cut off are embedded again: its input can't be compared",
        ),
    ],
)
def test_shards_are_used_by_a_run_of_the_same_fingerprint(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, before: Any, fingerprint: Any, message: str
) -> None:
    shards = write(tmp_path, make_rows([2, 3]), make_rows([4], first=2))
    with caplog.at_level(logging.INFO):
        chosen = choose_finished_shards(str(tmp_path), [RUN], before, fingerprint)
    assert caplog.messages == [message]
    assert chosen == (shards if "used again" in message else [])


def test_a_record_comes_back_and_nothing_else_does() -> None:
    assert RunRecord.from_json(record().to_json().encode()) == record()
    for content in (b"", b"{", b"{}", b"[]", b'{"started": 1, "host": "h", "pid": 2}'):
        assert RunRecord.from_json(content) is None
    assert list_differences({"a": 1, "b": 2, "c": None}, {"a": 1, "b": 3, "d": 4}) == ["b", "d"]


@pytest.mark.parametrize("sinks", [("tfrecord",), ("parquet",), ("parquet", "tfrecord")])
def test_finished_rows_are_read_back_as_they_were_written(tmp_path: Path, sinks: tuple[str, ...]) -> None:
    rows = make_rows([2, 5, 3])
    finished = make_finished(tmp_path, rows, sinks=sinks)
    (found,) = finished.read(finished.shards[0])
    assert found.to_pylist() == rows.drop_columns(["segment_ids"]).select(found.schema.names).to_pylist()
    assert set(found.schema.names) == set(rows.schema.names) - {"segment_ids"} and finished.count == 3


def run(finished: FinishedRows, corpus: list[pa.RecordBatch], check: Any) -> None:
    """Asserts what a resumed run embeds, copies and reuses, as ids."""
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        dropped = pipeline | beam.Create(corpus) | DropFinished(finished)
        copied = dropped["met"] | beam.ParDo(CopyRepeated(finished))
        ids = [
            rows | f"Ids{number}" >> beam.FlatMap(lambda batch, number: [(number, x) for x in ids_of(batch)], number)
            for number, rows in enumerate((dropped["rows"], copied))
        ]
        assert_that(ids | beam.Flatten(), check)


def ids_of(batch: pa.RecordBatch) -> list[bytes]:
    ids: list[bytes] = batch.column("id").to_pylist()
    return ids


def test_every_row_comes_out_as_often_as_the_corpus_has_it(tmp_path: Path) -> None:
    finished = make_finished(tmp_path, make_rows([2, 2]), make_rows([2], first=1), make_rows([2], first=5))
    # Rows 0 to 3; 1 is there three times and finished twice, 5 three times and finished once.
    corpus = [make_rows([2] * 4), make_rows([2], first=1), make_rows([2], first=5), *[make_rows([2, 2], first=5)] * 2]
    corpus.append(make_rows([2], first=1).slice(0, 0))

    def check(found: list[tuple[int, bytes]]) -> None:
        embedded = sorted(name for number, name in found if number == 0)
        copied = sorted(name for number, name in found if number == 1)
        assert embedded == [b"row 2", b"row 3", b"row 6", b"row 6"]
        assert copied == [b"row 5", b"row 5"]

    run(finished, corpus, check)


def test_finished_rows_that_the_corpus_lacks_are_an_error(tmp_path: Path) -> None:
    finished = make_finished(tmp_path, make_rows([2, 2, 2]))
    copy = CopyRepeated(finished)
    assert list(copy.process(np.array([1, 1, 1], np.int32))) == []
    for met in (np.array([1, 1], np.int32), np.zeros(0, np.int32)):
        with pytest.raises(FinishedShardsError) as error:
            list(copy.process(met))
        assert str(error.value) == (
            f"{3 - len(met)} rows that an earlier run finished are not in the input, though its files look the same; "
            f"nothing was published. Delete {tmp_path} and run the same command again"
        )


def test_another_content_or_window_is_another_row(tmp_path: Path) -> None:
    finished = make_finished(tmp_path, make_rows([2, 2, 2]))
    rows = make_rows([2, 2, 2])
    for name, values in (("content_hash", pa.array([b"x" * 16] * 3, pa.binary(16))), ("window", pa.array([1] * 3))):
        rows = make_rows([2, 2, 2])
        rows = rows.set_column(rows.schema.get_field_index(name), name, values)

        def check(found: list[tuple[int, bytes]]) -> None:
            assert sorted(found) == [(0, b"row %d" % number) for number in range(3)]

        run(finished, [rows, make_rows([2, 2, 2])], check)


def test_the_steps_are_pickled(tmp_path: Path) -> None:
    finished = make_finished(tmp_path, make_rows([2, 2, 2]))
    copy = pickler.loads(pickler.dumps(CopyRepeated(finished)))
    (copied,) = copy.process(np.array([1, 1, 3], np.int32))
    assert copied.num_rows == 2 and len(set(ids_of(copied))) == 1
