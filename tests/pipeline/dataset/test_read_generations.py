"""Readers of an output of several generations: the rows that live, in one version to the last."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from albert_embed import read_embeddings, read_embeddings_dataset
from albert_embed.pipeline.dataset.inspect_output import inspect_output
from albert_embed.pipeline.dataset.versions import read_manifest
from albert_embed.pipeline.storage.output_error import OutputError
from tests.pipeline.embedded_rows import add_rows, make_rows, publish_rows
from tests.tiny_model import ROOT

# Each version adds its own row and replaces two others, so that all seven have as many tokens as the version says.
_ADD = """
import itertools, sys
from pathlib import Path
from albert_embed.pipeline.commit.compact import compact_output
from tests.pipeline.embedded_rows import add_rows, make_rows
for version in itertools.takewhile(lambda _: not Path(sys.argv[2]).exists(), itertools.count(2)):
    rows = [make_rows([version] * 3), make_rows([version] * 4, first=3)]
    add_rows(Path(sys.argv[1]), rows, [make_rows([version - 1] * 7)])
    if version % 5 == 0:
        compact_output(sys.argv[1])
"""


def read_rows(directory: Path) -> dict[bytes, int]:
    """Returns the tokens of each row."""
    rows = [row for batch in read_embeddings(str(directory)) for row in batch.select(["id", "input_ids"]).to_pylist()]
    found = {row["id"]: len(row["input_ids"]) for row in rows}
    assert len(found) == len(rows)
    return found


def read_dataset(directory: Path) -> dict[bytes, int]:
    elements = list(read_embeddings_dataset(str(directory)).as_numpy_iterator())
    found = {element["id"]: len(element["input_ids"]) for element in elements}
    assert len(found) == len(elements)
    return found


@pytest.mark.parametrize("sinks", [("tfrecord",), ("parquet", "tfrecord")])
def test_readers_pass_dead_rows_over(tmp_path: Path, sinks: tuple[str, ...]) -> None:
    first = [make_rows([2, 3]), make_rows([4, 5], first=2)]
    publish_rows(tmp_path, first, sinks=sinks)
    # Row 1 changes, row 2 is deleted, row 4 is new; then row 1 again, and row 2 is back.
    add_rows(tmp_path, [make_rows([7], first=1), make_rows([8], first=4)], [make_rows([3, 4], first=1)], sinks=sinks)
    expected = {b"row 0": 2, b"row 1": 7, b"row 3": 5, b"row 4": 8}
    assert read_rows(tmp_path) == read_dataset(tmp_path) == expected
    add_rows(tmp_path, [make_rows([9, 6], first=1)], [make_rows([7], first=1)], sinks=sinks)
    expected = {b"row 0": 2, b"row 1": 9, b"row 2": 6, b"row 3": 5, b"row 4": 8}
    assert read_rows(tmp_path) == read_dataset(tmp_path) == expected
    manifest = read_manifest(str(tmp_path))
    assert manifest.counts.rows == 5 and manifest.counts.tokens == sum(expected.values())
    assert [entry.number for entry in manifest.generations] == [1, 2, 3]
    assert [entry.counts.rows for entry in manifest.generations] == [4, 2, 2]
    assert [file.generation for file in manifest.tombstone_shards] == [2, 3]
    inspection = inspect_output(str(tmp_path))
    assert (inspection.counts, inspection.generations, inspection.dead_rows) == (manifest.counts, 3, 3)
    # A generation of which nothing lives, and one that adds nothing.
    add_rows(tmp_path, [], [make_rows([8], first=4), make_rows([9, 6], first=1)], sinks=sinks)
    assert read_rows(tmp_path) == read_dataset(tmp_path) == {b"row 0": 2, b"row 3": 5}


def test_rows_that_were_begun_are_read_to_their_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("albert_embed.pipeline.formats.shard_file.MAX_BATCH_ROWS", 1)
    publish_rows(tmp_path, [make_rows([2, 2]), make_rows([2], first=2)])
    add_rows(tmp_path, [make_rows([3])], [make_rows([2])])
    reading = read_embeddings(str(tmp_path))
    lengths = [len(next(reading).column("input_ids")[0])]
    add_rows(tmp_path, [make_rows([4] * 3)], [make_rows([3]), make_rows([2, 2], first=1)])
    publish_rows(tmp_path, [make_rows([5])])
    assert lengths + [len(batch.column("input_ids")[0]) for batch in reading] == [2, 2, 3]
    assert read_rows(tmp_path) == {b"row 0": 5}


def test_damaged_tombstones_are_said(tmp_path: Path) -> None:
    publish_rows(tmp_path, [make_rows([2, 2])])
    add_rows(tmp_path, [make_rows([3])], [make_rows([2])])
    (path,) = tmp_path.glob("_tombstones/*")
    content = path.read_bytes()
    path.write_bytes(content[:40] + bytes(len(content) - 40))
    with pytest.raises(OutputError, match=r"the tombstones: .*damaged after it was published"):
        read_rows(tmp_path)
    path.unlink()
    with pytest.raises(OutputError, match=r"_tombstones/g2-.*-00000-of-00001.parquet is missing"):
        read_rows(tmp_path)


@pytest.mark.integration
def test_a_reader_in_a_loop_sees_old_or_new_and_never_a_mixture(tmp_path: Path) -> None:
    publish_rows(tmp_path, [make_rows([1] * 3), make_rows([1] * 4, first=3)])
    enough = tmp_path.with_name("enough")
    writer = subprocess.Popen([sys.executable, "-c", _ADD, str(tmp_path), str(enough)], cwd=ROOT)
    seen: list[Any] = []
    try:
        while writer.poll() is None:
            rows = read_rows(tmp_path)
            assert len(rows) == 7 and len(set(rows.values())) == 1, rows
            seen.append(rows[b"row 0"])
            assert inspect_output(str(tmp_path)).counts.rows == 7
            if len(seen) > 20 and len(set(seen)) > 6:
                enough.touch()
    finally:
        writer.kill()
        status = writer.wait()
    assert status == 0
    assert seen == sorted(seen)
    (last,) = set(read_rows(tmp_path).values())
    assert last >= seen[-1]


def test_the_schema_of_rows_is_the_same_with_dead_ones(tmp_path: Path) -> None:
    publish_rows(tmp_path, [make_rows([2, 2])])
    (plain,) = read_embeddings(str(tmp_path))
    add_rows(tmp_path, [], [make_rows([2])])
    (left,) = read_embeddings(str(tmp_path))
    assert left.schema == plain.schema and left.equals(pa.RecordBatch.from_pylist(plain.to_pylist()[1:], plain.schema))
