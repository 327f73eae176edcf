"""Reading files that are known by name."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.internal import pickler
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

from albert_embed.pipeline.documents.read_documents import _choose_source, make_read_files
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.transforms.columns import TEXT


def make_options(**given: Any) -> EmbedOptions:
    return EmbedOptions(**{"model": "m", "input": ("*",), "output": "o", **given})


def check_texts(options: EmbedOptions, paths: list[Path], expected: list[bytes]) -> None:
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        read = pipeline | make_read_files(options, [str(path) for path in paths])
        texts = read["documents"] | beam.FlatMap(lambda documents: documents.column(TEXT).to_pylist())
        assert_that(texts, equal_to(expected))
        assert_that(read["failures"], equal_to([]), label="NoFailures")


def test_no_name_is_taken_for_a_pattern_and_no_other_file_is_read(tmp_path: Path) -> None:
    names = ["a[1].txt", "*.txt", "a?.txt"]
    for name in [*names, "a1.txt", "ab.txt"]:
        (tmp_path / name).write_text(f"{name}\n")
    check_texts(make_options(), [tmp_path / name for name in names], [name.encode() for name in names])


def test_a_file_that_is_listed_twice_is_read_twice(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    check_texts(make_options(), [tmp_path / "a.txt"] * 2, [b"one", b"two"] * 2)


def test_compressed_files_and_files_with_records(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.txt.gz", "wt") as file:
        file.write("packed\n")
    check_texts(make_options(), [tmp_path / "a.txt.gz"], [b"packed"])
    pq.write_table(pa.table({"text": ["one", "two"]}), tmp_path / "a.parquet")
    check_texts(make_options(format="parquet"), [tmp_path / "a.parquet"], [b"one", b"two"])


@pytest.mark.parametrize("format_", ["text", "jsonl", "parquet", "files"])
def test_what_reads_travels_to_workers(format_: str) -> None:
    make_source, parser = _choose_source(make_options(format=format_))
    again_source, again_parser = pickler.loads(pickler.dumps((make_source, parser)))
    assert type(again_parser) is type(parser)
    assert getattr(again_source, "func", again_source) is getattr(make_source, "func", make_source)
