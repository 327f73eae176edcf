"""`WriteShards`: what comes out of it, where a shard ends, and what a bundle that is run twice leaves."""

from __future__ import annotations

import dataclasses
import errno
import io
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.internal import pickler
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that
from apache_beam.utils.windowed_value import WindowedValue

from albert_embed.pipeline.shards.keys import make_keys, row_keys
from albert_embed.pipeline.shards.shard import Shard
from albert_embed.pipeline.shards.shard_index import SCHEMA, read_index
from albert_embed.pipeline.writers.open_files import ShardWriteError
from albert_embed.pipeline.writers.shard_writer import ShardWriter
from albert_embed.pipeline.writers.write_files import WriteFilesFn
from albert_embed.pipeline.writers.write_shards import make_write_shards
from tests.pipeline.embedded_rows import make_formats, make_rows, write_shard

BOTH = ("tfrecord", "parquet")
BATCHES = [make_rows([2, 5]), make_rows([3], first=2), make_rows([4, 2, 2], first=3)]


def write_bundle(write: WriteFilesFn, batches: list[pa.RecordBatch]) -> list[Shard]:
    """Returns the shards of one bundle, as a runner asks for them."""
    write.start_bundle()
    shards = [shard for batch in batches for shard in write.process(batch)]
    return [*shards, *(found.value for found in write.finish_bundle() if isinstance(found, WindowedValue))]


def make_write(directory: Path, *, shard_bytes: int = 1 << 30, shard_seconds: float = 1e9) -> WriteFilesFn:
    open_writer = partial(ShardWriter, str(directory), make_formats(BOTH))
    return WriteFilesFn(open_writer, max_bytes=shard_bytes, max_seconds=shard_seconds)


def read_ids(directory: Path, shard: Shard, format_name: str) -> list[bytes]:
    path = str(directory / shard.data_file(format_name))
    (format_,) = make_formats([format_name])
    batches = format_.read([path])
    return [name for batch in batches for name in batch.column("id").to_pylist()]


def files_of(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir() if path.is_file()}


def test_a_bundle_is_one_shard_in_every_format(tmp_path: Path) -> None:
    (shard,) = write_bundle(make_write(tmp_path), BATCHES)
    assert (shard.rows, shard.documents, shard.tokens, shard.truncated) == (6, 6, 18, 3)
    assert files_of(tmp_path) == {shard.data_file(name) for name in BOTH} | {shard.index_file}
    assert shard.index_bytes == (tmp_path / shard.index_file).stat().st_size and shard.run == tmp_path.name
    assert shard.file_bytes == {name: (tmp_path / shard.data_file(name)).stat().st_size for name in BOTH}
    assert [read_ids(tmp_path, shard, name) for name in BOTH] == [[b"row %d" % number for number in range(6)]] * 2
    with open(tmp_path / shard.index_file, "rb") as file:
        found, index = read_index(file)
    assert dataclasses.replace(found, index_bytes=shard.index_bytes) == shard and index.schema.equals(SCHEMA)
    assert index.to_pydict() == {
        "id": [b"row %d" % number for number in range(6)],
        "content_hash": [b"%016d" % number for number in range(6)],
        "window": [0] * 6,
        "window_count": [1] * 6,
        "tokens": [2, 5, 3, 4, 2, 2],
        "truncated": [0, 1] * 3,
        "input_range": [None] * 6,  # invented rows come from no file
        "input_position": [None] * 6,
    }


@pytest.mark.parametrize("limits", [{"shard_bytes": 1}, {"shard_seconds": 0.0}])
def test_a_shard_that_is_large_or_old_enough_is_finished(tmp_path: Path, limits: dict[str, Any]) -> None:
    write = make_write(tmp_path, **limits)
    write.start_bundle()
    for batch in BATCHES:
        (shard,) = write.process(batch)
        assert read_ids(tmp_path, shard, "parquet") == batch.column("id").to_pylist()
    assert [found for found in write.finish_bundle() if isinstance(found, WindowedValue)] == []


def test_a_bundle_without_rows_writes_nothing(tmp_path: Path) -> None:
    assert write_bundle(make_write(tmp_path), []) == []
    assert files_of(tmp_path) == set()


def test_the_same_rows_again_are_another_shard_with_the_same_place_in_the_order(tmp_path: Path) -> None:
    """A bundle that is run twice, or a file that is in the corpus twice."""
    (first,), (again,), (other,) = (
        write_bundle(make_write(tmp_path), batches) for batches in (BATCHES, BATCHES, BATCHES[1:])
    )
    assert dataclasses.replace(again, name=first.name) == first and again.name != first.name
    assert first.digest == again.digest != other.digest
    for shard in (first, again):
        assert read_ids(tmp_path, shard, "tfrecord") == [b"row %d" % number for number in range(6)]


def test_a_bundle_that_fails_leaves_nothing_that_looks_finished(tmp_path: Path) -> None:
    write = make_write(tmp_path)
    write.start_bundle()
    list(write.process(BATCHES[0]))
    assert len(files_of(tmp_path)) == 2 and not [name for name in files_of(tmp_path) if name.startswith("index-")]
    (shard,) = write_bundle(write, BATCHES[1:])  # the same instance, after a failure
    assert shard.rows == 4
    write.teardown()


@pytest.mark.parametrize("sinks", [("tfrecord",), ("parquet",), BOTH])
def test_in_a_pipeline(tmp_path: Path, sinks: tuple[str, ...]) -> None:
    def check(shards: list[Shard]) -> None:
        (shard,) = shards
        assert shard.rows == 6 and list(shard.file_bytes) == list(sinks)

    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        written = pipeline | beam.Create(BATCHES) | make_write_shards(str(tmp_path), make_formats(sinks))
        assert_that(written["files"], check)


def test_the_step_is_pickled(tmp_path: Path) -> None:
    write = pickler.loads(pickler.dumps(make_write(tmp_path)))
    (shard,) = write_bundle(write, BATCHES)
    assert shard.rows == 6


@pytest.mark.parametrize("sinks", [("tfrecord",), ("parquet",)])
def test_a_full_disk_is_said_in_words(tmp_path: Path, sinks: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    class FullDisk:
        """`/dev/full`: every write fails with ENOSPC."""

        def __init__(self) -> None:
            self._file = open("/dev/full", "wb", buffering=0)  # noqa: SIM115
            self.closed = False
            opened.append(self)

        def write(self, content: Any) -> int:
            return self._file.write(content)

        def flush(self) -> None: ...

        def close(self) -> None:
            self._file.close()
            self.closed = True

    monkeypatch.setattr("apache_beam.io.filesystems.FileSystems.create", lambda *_, **__: FullDisk())
    with pytest.raises(ShardWriteError) as error:
        write_shard(str(tmp_path), BATCHES[0], make_formats(sinks))
    for file in opened:  # a writer that fails is abandoned by its step, which this is not
        file.close()
    assert isinstance(error.value.__cause__, OSError) and error.value.__cause__.errno == errno.ENOSPC
    assert str(error.value) == (
        f"can't write to {tmp_path}: No space left on device; nothing was published, and an earlier output is as it "
        "was. Make room there, or remove the cause, and run the same command again"
    )


def test_keys_tell_rows_apart() -> None:
    rows = make_rows([2, 2, 2])
    changed = [
        rows.set_column(rows.schema.get_field_index(name), name, values)
        for name, values in {
            "id": pa.array([b"row 0", b"row 1", b"row"], pa.binary()),
            "content_hash": pa.array([b"x" * 16] * 3, pa.binary(16)),
            "window": pa.array([1, 2, 3]),
        }.items()
    ]
    keys = [key for batch in [rows, *changed] for key in row_keys(batch)]
    assert len(set(keys)) == 12 - 2 and all(len(key) == 16 for key in keys)  # two ids are the same
    assert row_keys(rows) == row_keys(rows.drop_columns(["input_ids"]))
    assert len(np.unique(make_keys([b"b" * 15 + b"\0", b"b" * 16, b"b" * 14 + b"\0\0"]))) == 3


def test_an_index_that_is_none_is_refused(tmp_path: Path) -> None:
    shard = write_shard(str(tmp_path), BATCHES[0], make_formats(["parquet"]))
    with (
        open(tmp_path / shard.data_file("parquet"), "rb") as file,
        pytest.raises(ValueError, match=r"not the index of a shard: KeyError"),
    ):
        read_index(file)
    (tmp_path / shard.index_file).write_bytes(b"PAR1")
    with open(tmp_path / shard.index_file, "rb") as file, pytest.raises(ValueError, match="Parquet"):
        read_index(file)


def test_a_damaged_index_is_told_from_one_that_can_not_be_opened(tmp_path: Path) -> None:
    """A page with another checksum is an OSError for Arrow, and one for a run that goes on from it would be no end."""
    shard = write_shard(str(tmp_path), make_rows([2] * 500), make_formats(["parquet"]))
    content = bytearray((tmp_path / shard.index_file).read_bytes())
    content[len(content) // 8] ^= 0xFF
    with pytest.raises(ValueError, match="not the index of a shard: "):
        read_index(io.BytesIO(bytes(content)))


@pytest.fixture(autouse=True)
def no_open_files(tmp_path: Path) -> Iterator[None]:
    """Nothing below the test's folder stays open."""
    yield
    import gc
    import os

    gc.collect()
    held = [os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]
    assert [path for path in held if path.startswith(str(tmp_path))] == []
