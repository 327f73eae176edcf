"""The files of tf.Transform's cache entries."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

from albert_embed.transforms.files.cache_files import ReadCacheFiles, WriteCacheFiles, read_entries, write_entry


def test_entries_come_back_each_once_however_often_they_were_written(tmp_path: Path) -> None:
    path = str(tmp_path / "data set" / "1")
    for entry in (b"first", b"\x00second", b"first"):
        write_entry(entry, path)
    write_entry(b"another key's", str(tmp_path / "data set" / "12"))
    assert sorted(read_entries(path)) == [b"\x00second", b"first"]


def test_a_lost_entry_is_an_error_and_not_a_smaller_corpus(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="the analysis cache was damaged"):
        list(read_entries(str(tmp_path / "0")))


def test_the_transforms_write_and_read_them(tmp_path: Path) -> None:
    path = str(tmp_path / "7")
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        _ = pipeline | beam.Create([b"entry"]) | WriteCacheFiles(path)
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        assert_that(pipeline | ReadCacheFiles(f"{path}-*-of-*"), equal_to([b"entry"]))
