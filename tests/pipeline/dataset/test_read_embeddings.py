"""Reading a finished output: rows, failures, the manifest; and what is not one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import albert_embed
from albert_embed.pipeline.dataset.inspect_output import inspect_output
from albert_embed.pipeline.dataset.manifest import OutputCounts
from albert_embed.pipeline.dataset.versions import read_manifest
from albert_embed.pipeline.formats import shard_file
from albert_embed.pipeline.settings.field_type import FieldType
from albert_embed.pipeline.storage.output_error import OutputError
from albert_embed.transforms.rows.columns import INTERNAL_COLUMNS
from tests.pipeline.embedded_rows import EMBEDDINGS, HIDDEN, make_rows, publish_rows

FAILURE = {"id": "x", "stage": "read", "reason": "invalid UTF-8", "error": "é\u2028", "text": "", "window": None}


@pytest.fixture
def rows() -> list[pa.RecordBatch]:
    """Two shards."""
    return [make_rows([2, 5, 3]), make_rows([4, 2], first=3)]


def drop_internal(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch.drop_columns([name for name in batch.schema.names if name in INTERNAL_COLUMNS])


def expected_rows(rows: list[pa.RecordBatch]) -> list[dict[str, Any]]:
    return [row for batch in rows for row in drop_internal(batch).to_pylist()]


@pytest.mark.parametrize("sink", ["tfrecord", "parquet"])
@pytest.mark.parametrize("encoding", ["float_list", "float32_bytes", "float16_bytes"])
def test_both_readers_give_the_rows(tmp_path: Path, rows: list[pa.RecordBatch], encoding: Any, sink: str) -> None:
    publish_rows(tmp_path, rows, encoding=encoding, sinks=[sink])
    expected = expected_rows(rows)
    found = [row for batch in albert_embed.read_embeddings(str(tmp_path)) for row in batch.to_pylist()]
    assert found == expected
    dataset = albert_embed.read_embeddings_dataset(str(tmp_path))
    for row, element in zip(expected, dataset.as_numpy_iterator(), strict=True):
        assert element.keys() == row.keys()
        assert element["id"] == row["id"]
        assert all(element[name] == row[name] for name in ("window", "window_start", "truncated"))
        assert element["input_ids"].tolist() == row["input_ids"]
        for name in EMBEDDINGS:
            shape = (len(row["input_ids"]), HIDDEN) if name == "sequence_output" else (HIDDEN,)
            assert element[name].shape == shape and element[name].dtype == np.float32
            assert element[name].ravel().tolist() == row[name]


def test_batches_are_bounded(tmp_path: Path, rows: list[pa.RecordBatch], monkeypatch: pytest.MonkeyPatch) -> None:
    publish_rows(tmp_path, rows)
    monkeypatch.setattr(shard_file, "MAX_BATCH_ROWS", 2)
    assert [batch.num_rows for batch in albert_embed.read_embeddings(str(tmp_path))] == [2, 2, 1]
    monkeypatch.setattr(shard_file, "MAX_BATCH_BYTES", 1)
    assert [batch.num_rows for batch in albert_embed.read_embeddings(str(tmp_path))] == [1] * 5


def test_an_output_without_rows(tmp_path: Path) -> None:
    publish_rows(tmp_path, [])
    assert list(albert_embed.read_embeddings(str(tmp_path))) == []
    inspection = inspect_output(str(tmp_path), head=3)
    assert inspection.counts == OutputCounts()
    assert inspection.tokens == {} and inspection.head == []


def test_failures_come_back(tmp_path: Path, rows: list[pa.RecordBatch]) -> None:
    publish_rows(tmp_path, rows, failures=[json.dumps(FAILURE, ensure_ascii=False)] * 2)
    assert list(albert_embed.read_failures(str(tmp_path))) == [FAILURE, FAILURE]


def test_what_inspect_finds(tmp_path: Path, rows: list[pa.RecordBatch]) -> None:
    publish_rows(tmp_path, rows, failures=[json.dumps(FAILURE), json.dumps({**FAILURE, "reason": "invalid JSON"})])
    inspection = inspect_output(str(tmp_path), head=1)
    assert inspection.counts == OutputCounts(documents=5, rows=5, tokens=16, truncated=2, failures=2)
    assert inspection.failures == {"read: invalid JSON": 1, "read: invalid UTF-8": 1}
    assert inspection.dimensions == dict.fromkeys(EMBEDDINGS, HIDDEN)
    assert inspection.tokens == {"min": 2, "p25": 2, "median": 3, "p75": 4, "p95": 4.8, "max": 5, "mean": 3.2}
    assert inspection.bytes == sum(path.stat().st_size for path in tmp_path.glob("[tp]*/g*"))
    assert inspection.failed == [FAILURE]
    (shown,) = inspection.head
    assert shown["id"] == "row 0" and shown["input_ids"] == [0, 1] and shown["pooled_output"] == [0.0, 0.25, 0.5]
    assert inspect_output(str(tmp_path)).head == []


def test_long_vectors_are_shown_by_their_start(tmp_path: Path) -> None:
    publish_rows(tmp_path, [make_rows([9])])
    (shown,) = inspect_output(str(tmp_path), head=5).head
    assert shown["input_ids"] == [0, 1, 2, 3, 4, 5, 6, 7, "… 9 values"]


def test_long_texts_are_shown_by_their_start_and_ids_whole(tmp_path: Path) -> None:
    texts = pa.array([b"a" * 200, ("\u00e9" * 2000).encode()], pa.binary())
    rows = make_rows([1, 1], id=pa.array([b"i" * 300, b"j"], pa.binary()), title=texts)
    publish_rows(tmp_path, [rows], kept={"title": FieldType.parse("string")})
    first, second = inspect_output(str(tmp_path), head=2).head
    assert first["id"] == "i" * 300 and first["title"] == "a" * 200
    assert second["title"] == "\u00e9" * 200 + "… 2,000 characters"


def test_quantiles_have_two_decimals(tmp_path: Path) -> None:
    publish_rows(tmp_path, [make_rows([2, 5, 9, 9, 30])])
    assert inspect_output(str(tmp_path)).tokens == {
        **{"min": 2, "p25": 5, "median": 9, "p75": 9, "p95": 25.8, "max": 30, "mean": 11}
    }


@pytest.mark.parametrize("reader", ["read_embeddings", "read_embeddings_dataset", "inspect"])
def test_a_directory_that_is_not_finished(tmp_path: Path, rows: list[pa.RecordBatch], reader: str) -> None:
    publish_rows(tmp_path, rows)
    (tmp_path / "manifest.json").unlink()
    (tmp_path / "_versions" / "1.json").unlink()
    reads: dict[str, Callable[[], Any]] = {
        "read_embeddings": lambda: list(albert_embed.read_embeddings(str(tmp_path))),
        "read_embeddings_dataset": lambda: albert_embed.read_embeddings_dataset(str(tmp_path)),
        "inspect": lambda: inspect_output(str(tmp_path)),
    }
    with pytest.raises(
        OutputError, match=r"holds no manifest.json: it is not a finished output. The manifest is written"
    ):
        reads[reader]()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not a manifest of this program: JSONDecodeError"),
        ("[]", "is not a manifest of this program: TypeError"),
        ("{}", "is not a manifest of this program: KeyError"),
        ('{"format_version": 2}', "is not a manifest of this program: KeyError"),
        ('{"format_version": 1}', "has format_version 1, this program reads 2"),
    ],
)
def test_a_manifest_that_is_none(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "_versions").mkdir()
    (tmp_path / "_versions" / "1.json").write_text(content)
    with pytest.raises(OutputError) as error:
        read_manifest(str(tmp_path))
    assert str(error.value).startswith(f"{tmp_path}/_versions/1.json {message}")


def test_a_manifest_comes_back(tmp_path: Path, rows: list[pa.RecordBatch]) -> None:
    publish_rows(tmp_path, rows)
    manifest = read_manifest(str(tmp_path))
    assert json.loads(manifest.to_json()) == json.loads((tmp_path / "manifest.json").read_text())
    token = manifest.run.rpartition("-")[2]
    assert [shard.path for shard in manifest.shards] == [
        f"tfrecord/g1-{token}-00000-of-00002.tfrecord",
        f"tfrecord/g1-{token}-00001-of-00002.tfrecord",
    ]


def damage_counts(directory: Path) -> None:
    fields = json.loads((directory / "_versions" / "1.json").read_text())
    fields["counts"]["tokens"] += 1
    (directory / "_versions" / "1.json").write_text(json.dumps(fields))


def damage_width(directory: Path) -> None:
    fields = json.loads((directory / "_versions" / "1.json").read_text())
    fields["hidden_size"] = 4
    (directory / "_versions" / "1.json").write_text(json.dumps(fields))


def truncate_shard(directory: Path) -> None:
    shard = next(directory.glob("[tp]*/g*-00001-*"))
    shard.write_bytes(shard.read_bytes()[:-3])


def garble_shard(directory: Path) -> None:
    shard = next(directory.glob("[tp]*/g*-00000-*"))
    content = shard.read_bytes()
    shard.write_bytes(content[:50] + b"\x00\xff" + content[52:])


def empty_shard(directory: Path) -> None:
    next(directory.glob("[tp]*/g*-00001-*")).write_bytes(b"")


def remove_shard(directory: Path) -> None:
    next(directory.glob("[tp]*/g*-00001-*")).unlink()


def remove_failures(directory: Path) -> None:
    next(directory.glob("_failures/*")).unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_counts, r"the data hold .*'tokens': 16.*, the manifest says .*'tokens': 17.*; the output was damaged"),
        (damage_width, r"pooled_output has rows that are not 4 wide"),
        (truncate_shard, r"the output was damaged after it was published"),
        (garble_shard, r"the output was damaged after it was published"),
        (empty_shard, r"the output was damaged after it was published"),
        (remove_shard, r"the output was damaged after it was published"),
        (remove_failures, r"the output was damaged after it was published"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_damage_is_noticed(tmp_path: Path, rows: list[pa.RecordBatch], damage: Any, message: str) -> None:
    publish_rows(tmp_path, rows)
    inspect_output(str(tmp_path))
    damage(tmp_path)
    with pytest.raises(OutputError, match=message):
        inspect_output(str(tmp_path))
