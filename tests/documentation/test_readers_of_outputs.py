"""The table of docs/outputs.md: each program reads the folder of rows as it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.embedded_rows import add_rows, make_rows, publish_rows
from tests.tiny_model import ROOT

SINKS = ("parquet", "tfrecord")


@pytest.fixture
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An output in both formats, as `embeddings` in the working folder; it has been replaced once."""
    publish_rows(tmp_path / "embeddings", [make_rows([9])], sinks=SINKS)
    publish_rows(tmp_path / "embeddings", [make_rows([2, 3]), make_rows([4], first=2)], sinks=SINKS)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "embeddings"


def read_with_pandas(call: str) -> list[str]:
    import pandas

    return list(eval(call, {"pandas": pandas})["id"])


def read_with_arrow(call: str) -> list[str]:
    import pyarrow.dataset

    ids: list[str] = eval(call, {"pyarrow": pyarrow}).to_table()["id"].to_pylist()
    return ids


def read_with_polars(call: str) -> list[str]:
    import polars

    return list(eval(call, {"polars": polars})["id"])


def read_with_duckdb(statement: str) -> list[str]:
    import duckdb

    relation = duckdb.sql(statement)
    assert relation is not None
    return [row[0] for row in relation.select("id").fetchall()]


def read_with_tensorflow(call: str) -> list[str]:
    import tensorflow as tf

    examples = [tf.train.Example.FromString(record.numpy()) for record in eval(call, {"tf": tf})]
    return [example.features.feature["id"].bytes_list.value[0].decode() for example in examples]


READERS: dict[str, Callable[[str], list[str]]] = {
    "pandas": read_with_pandas,
    "Arrow": read_with_arrow,
    "Polars": read_with_polars,
    "DuckDB": read_with_duckdb,
    "TensorFlow": read_with_tensorflow,
}


def list_calls() -> dict[str, str]:
    """Returns what the page says: program → how it reads."""
    page = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
    table = page.partition("## Read by other programs")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| ([A-Za-z]+) \| `(.+?)` \|$", table, re.MULTILINE))


def test_every_line_is_tested() -> None:
    assert list_calls().keys() == READERS.keys()


@pytest.mark.parametrize("program", READERS)
def test_the_folder_of_rows_is_read_as_it_is(output: Path, program: str) -> None:
    read, call = READERS[program], list_calls()[program]
    assert sorted(read(call)) == ["row 0", "row 1", "row 2"]
    dead: list[Any] = [make_rows([2])]
    add_rows(output, [make_rows([5])], dead, sinks=SINKS)
    assert sorted(read(call)) == ["row 0", "row 0", "row 1", "row 2"]  # as the page says: until `compact`
