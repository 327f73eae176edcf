"""What a run embeds, in one pipeline: all, what has changed, and both less what is finished."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that

from albert_embed.pipeline.dataset.generation import DocumentCounts
from albert_embed.pipeline.dataset.published_output import PublishedFile
from albert_embed.pipeline.incremental.find_changes import ChangeCounts
from albert_embed.pipeline.incremental.published_version import PublishedVersion
from albert_embed.pipeline.reading.read_input import Comparison, ReadInput
from albert_embed.pipeline.shards.shard import Shard
from albert_embed.transforms.steps.failure import Failure
from tests.pipeline.embedded_rows import make_formats, make_rows, write_shard
from tests.pipeline.reading.made_input import MadePart, make_reader, read_documents

TEXTS = {
    "a": [("1", "one"), ("2", "two"), ("2", "two"), ("3", "three")],
    "b": [("4", "four"), ("5", "five"), ("3", "another")],
    "c": [("1", "one")],
}
PARTS = [MadePart(name) for name in TEXTS]
Place = tuple[str, int]


def finish(directory: Path, *places: Place) -> Shard:
    """Writes a shard of the documents at these places."""
    documents = pa.Table.from_batches(
        [read_documents(TEXTS[part], part=part).slice(position, 1) for part, position in places]
    ).combine_chunks()
    (batch,) = documents.to_batches()
    rows = make_rows([2] * len(places))
    for name in ("id", "content_hash"):
        rows = rows.set_column(rows.schema.get_field_index(name), name, batch.column(name))
    for name in ("input_range", "input_position"):
        rows = rows.append_column(name, batch.column(name))
    directory.mkdir(exist_ok=True)
    return write_shard(str(directory), rows, make_formats(("parquet",)))


def publish(path: Path, *places: Place) -> list[PublishedFile]:
    """Writes an index of the documents at these places, each with one window."""
    rows = [
        {
            **read_documents(TEXTS[part], part=part).select(["id", "content_hash"]).slice(position, 1).to_pylist()[0],
            **{"window": 0, "window_count": 1, "tokens": 5, "truncated": 0},
        }
        for part, position in places
    ]
    schema = pa.schema([("id", pa.binary()), ("content_hash", pa.binary(16))])
    for name in ("window", "window_count", "tokens", "truncated"):
        schema = schema.append(pa.field(name, pa.int64()))
    pq.write_table(pa.Table.from_pylist(rows, schema), path)
    return [PublishedFile(path=str(path), generation=1)]


def check(
    step: ReadInput,
    *,
    documents: list[Place],
    failures: list[str] | None = None,
    finished: list[Shard] | None = None,
    counts: DocumentCounts | None = None,
    missing: int = 0,
    dead: list[bytes] | None = None,
) -> None:
    """Asserts what a step gives: the places of documents, the reasons of failures, and what else there is."""
    names = {part.key: part.name for part in PARTS}

    def check_documents(found: list[pa.RecordBatch]) -> None:
        rows = [row for batch in found for row in batch.select(["input_range", "input_position"]).to_pylist()]
        assert sorted((names[row["input_range"]], row["input_position"]) for row in rows) == documents

    def check_failures(found: list[Failure]) -> None:
        assert sorted(failure.reason for failure in found) == (failures or [])

    def check_finished(found: list[Shard]) -> None:
        assert sorted(found, key=repr) == sorted(finished or [], key=repr)

    def check_counts(found: list[Any]) -> None:
        total = sum(found, ChangeCounts())
        assert (total.documents, total.missing) == (counts, missing)

    def check_tombstones(found: list[pa.Table]) -> None:
        assert sorted(id_ for table in found for id_ in table["id"].to_pylist()) == dead

    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        read = pipeline | step
        checks: dict[str, Any] = {"documents": check_documents, "failures": check_failures}
        if finished is not None:
            checks["finished"] = check_finished
        if counts is not None:
            checks |= {"changes": check_counts, "tombstones": check_tombstones}
        assert set(checks) <= set(read)
        for name, function in checks.items():
            assert_that(read[name], function, label=name)


ALL = [(part, position) for part, texts in TEXTS.items() for position in range(len(texts))]


@dataclasses.dataclass(frozen=True, kw_only=True)
class MadeVersion(PublishedVersion):
    """A version of one index file."""

    index: tuple[PublishedFile, ...]

    def list_index(self) -> list[PublishedFile]:
        return list(self.index)

    def list_tombstones(self) -> list[PublishedFile]:
        return []


def compare(index: list[PublishedFile], *, full_snapshot: bool = False, buckets: int = 2) -> Comparison:
    published = MadeVersion(directory="", number=1, index=tuple(index)) if index else None
    return Comparison(published=published, full_snapshot=full_snapshot, buckets=buckets)


def test_all_documents_are_read_where_nothing_is_selected() -> None:
    check(ReadInput(PARTS, make_reader(TEXTS, broken=("b",))), documents=ALL, failures=["broken file"])


def test_all_documents_less_the_finished_ones(tmp_path: Path) -> None:
    used = finish(tmp_path / "run", ("a", 1), ("b", 0))
    finish(tmp_path / "run2", ("b", 0), ("c", 0))  # loses a row
    step = ReadInput(
        PARTS, make_reader(TEXTS, broken=("b",)), unfinished_runs=[str(tmp_path / "run"), str(tmp_path / "run2")]
    )
    left = [place for place in ALL if place not in (("a", 1), ("b", 0))]
    shards = [dataclasses.replace(used, run="run")]
    check(step, documents=left, failures=["broken file"], finished=shards)


def test_what_has_changed(tmp_path: Path) -> None:
    index = publish(tmp_path / "index.parquet", ("a", 0), ("b", 2), ("b", 0))
    counts = DocumentCounts(read=8, new=2, unchanged=2, repeated=2, not_unique=2)
    reader = make_reader(TEXTS, broken=("b",))
    failures = ["broken file", "id not unique", "id not unique"]
    (first,) = sorted([("a", 1), ("a", 2)])[:1]
    check(
        ReadInput(PARTS, reader, comparison=compare(index)),
        documents=[first, ("b", 1)],
        failures=failures,
        counts=counts,
        dead=[b"3"],
    )


def test_documents_that_are_gone_and_parts_that_need_no_second_reading(tmp_path: Path) -> None:
    index = publish(tmp_path / "index.parquet", *ALL)
    texts = {"a": [("1", "one")], "c": [("1", "one")]}
    check(
        ReadInput([MadePart("a"), MadePart("c")], make_reader(texts), comparison=compare(index, full_snapshot=True)),
        documents=[("a", 0)] if MadePart("a").key < MadePart("c").key else [("c", 0)],
        counts=DocumentCounts(read=2, changed=1, repeated=1, deleted=4),  # it stands twice in the index
        dead=[b"1", b"2", b"3", b"4", b"5"],
    )


def test_what_has_changed_less_what_is_finished(tmp_path: Path) -> None:
    index = publish(tmp_path / "index.parquet", ("a", 0))
    used = finish(tmp_path / "run", ("b", 1))
    finish(tmp_path / "run", ("b", 0), ("a", 0))  # the latter is published by now
    step = ReadInput(PARTS, make_reader(TEXTS), comparison=compare(index), unfinished_runs=[str(tmp_path / "run")])
    check(
        step,
        documents=[("a", 1), ("b", 0)],
        failures=["id not unique", "id not unique"],
        finished=[dataclasses.replace(used, run="run")],
        counts=DocumentCounts(read=8, new=3, unchanged=1, repeated=2, not_unique=2),
        dead=[],
    )


@pytest.mark.parametrize("buckets", [1, 3])
def test_documents_that_change_between_the_readings_are_counted(tmp_path: Path, buckets: int) -> None:
    texts = {"c": [("1", "one"), ("2", "two"), ("2", "three")]}
    later = {"c": [("1", "one"), ("2", "two now"), ("2", "three")]}
    reader = make_reader(texts, later=later, marker=tmp_path / "read")
    check(
        ReadInput([MadePart("c")], reader, comparison=compare([], buckets=buckets)),
        documents=[("c", 0)],
        failures=["id not unique"],
        counts=DocumentCounts(read=3, new=1, not_unique=2),
        missing=1,
        dead=[],
    )
