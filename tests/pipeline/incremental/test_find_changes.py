"""`FindChanges` on Beam: the same as all of it in one place, and files of several generations read."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that

from albert_embed.pipeline.dataset.generation import DocumentCounts
from albert_embed.pipeline.dataset.published_output import PublishedFile
from albert_embed.pipeline.dataset.tombstones import GENERATION, TOMBSTONE_IDS_SCHEMA, TOMBSTONE_SCHEMA
from albert_embed.pipeline.documents.keyed_tables import from_bytes
from albert_embed.pipeline.incremental.compare_documents import INDEX_SCHEMA, compare_documents
from albert_embed.pipeline.incremental.find_changes import ChangeCounts, CompareBucket, FindChanges
from albert_embed.pipeline.incremental.published_version import PublishedVersion
from albert_embed.pipeline.incremental.read_index import ReadPublishedFile, read_generation
from albert_embed.pipeline.records.content_id import hash_content
from albert_embed.pipeline.shards.places import SELECTED_SCHEMA
from albert_embed.pipeline.shards.row_counts import RowCounts
from albert_embed.pipeline.storage.output_error import OutputError
from tests.pipeline.incremental.test_compare_documents import make_documents, make_index, make_tombstones

DOCUMENTS = make_documents(*((b"d%d" % number, b"text %d" % (number % 400)) for number in range(2000)))
INDEX = make_index(*((b"d%d" % number, b"text %d" % number, number % 2, 2, [0, 1]) for number in range(300, 2100)))
TOMBSTONES = make_tombstones(*((b"d%d" % number, 1) for number in range(300, 700)))


@pytest.fixture
def files(tmp_path: Path) -> dict[str, list[PublishedFile]]:
    """The index and the tombstones as two generations publish them."""
    found: dict[str, list[PublishedFile]] = {"index": [], "tombstones": []}
    for generation in (0, 1):
        rows = INDEX.filter(pa.compute.equal(INDEX[GENERATION], generation)).drop_columns([GENERATION])
        found["index"].append(PublishedFile(path=str(tmp_path / f"index-{generation}.parquet"), generation=generation))
        pq.write_table(rows, found["index"][-1].path)
    found["tombstones"].append(PublishedFile(path=str(tmp_path / "tombstones.parquet"), generation=1))
    ids = TOMBSTONES["id"].to_pylist()
    rows = [{"id": id_, "deleted": False, "documents": 1, "rows": 2, "tokens": 21, "truncated": 0} for id_ in ids]
    pq.write_table(pa.Table.from_pylist(rows, TOMBSTONE_SCHEMA), found["tombstones"][0].path)
    return found


@dataclasses.dataclass(frozen=True, kw_only=True)
class MadeVersion(PublishedVersion):
    """A version of these files."""

    files: dict[str, list[PublishedFile]]

    def list_index(self) -> list[PublishedFile]:
        return self.files["index"]

    def list_tombstones(self) -> list[PublishedFile]:
        return self.files["tombstones"]


@pytest.mark.parametrize("full_snapshot", [False, True])
@pytest.mark.parametrize("buckets", [1, 7])
def test_beam_finds_what_one_join_finds(
    files: dict[str, list[PublishedFile]], full_snapshot: bool, buckets: int
) -> None:
    whole = compare_documents(DOCUMENTS, INDEX, TOMBSTONES, full_snapshot=full_snapshot)
    expected = {name: getattr(whole, name).to_pylist() for name in ("selected", "tombstones")}
    counted = ("documents", "rows", "tokens", "truncated")
    counts = ChangeCounts(
        documents=whole.counts,
        selected=len(expected["selected"]),
        tombstones=len(expected["tombstones"]),
        dead=RowCounts(**{name: sum(row[name] for row in expected["tombstones"]) for name in counted}),
        dead_vectors=whole.dead_vectors,
    )
    assert whole.dead_vectors == counts.dead.documents
    assert whole.counts.changed and whole.counts.new and whole.counts.unchanged
    assert bool(whole.counts.deleted) == full_snapshot

    def check_selected(found: list[tuple[bytes, bytes]]) -> None:
        rows = [
            {"input_range": key, **row}
            for key, content in found
            for row in from_bytes([content], SELECTED_SCHEMA).to_pylist()
        ]
        assert sorted(rows, key=lambda row: row["key"]) == sorted(expected["selected"], key=lambda row: row["key"])

    def check_tombstones(tables: list[pa.Table]) -> None:
        rows = [row for table in tables for row in table.to_pylist()]
        assert sorted(rows, key=lambda row: row["id"]) == sorted(expected["tombstones"], key=lambda row: row["id"])

    def check_counts(found: list[ChangeCounts]) -> None:
        assert len(found) == buckets and sum(found, ChangeCounts()) == counts

    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        found = (
            pipeline
            | beam.Create(DOCUMENTS.to_batches(max_chunksize=300))
            | FindChanges(
                MadeVersion(directory="", number=1, files=files), full_snapshot=full_snapshot, buckets=buckets
            )
        )
        assert_that(found["selected"], check_selected, label="selected")
        assert_that(found["tombstones"], check_tombstones, label="tombstones")
        assert_that(found["changes"], check_counts, label="changes")


def test_counts_are_added_up() -> None:
    counts = ChangeCounts(
        documents=DocumentCounts(read=2, new=1),
        selected=1,
        tombstones=3,
        dead=RowCounts(rows=5),
        dead_vectors=4,
        missing=2,
    )
    assert counts + counts == ChangeCounts(
        documents=DocumentCounts(read=4, new=2),
        selected=2,
        tombstones=6,
        dead=RowCounts(rows=10),
        dead_vectors=8,
        missing=4,
    )
    assert counts + ChangeCounts() == counts


def test_rows_of_a_file_get_its_generation(files: dict[str, list[PublishedFile]]) -> None:
    file = dataclasses.replace(files["tombstones"][0], generation=7)
    (batch,) = read_generation(file, TOMBSTONE_IDS_SCHEMA)
    assert batch.schema == TOMBSTONE_IDS_SCHEMA and set(batch[GENERATION].to_pylist()) == {7}


def test_a_damaged_index_is_named(files: dict[str, list[PublishedFile]]) -> None:
    file = files["index"][0]
    Path(file.path).write_bytes(Path(file.path).read_bytes()[:-9])
    with pytest.raises(OutputError, match=rf"^{file.path}: .*; the output was damaged after .*; give --rebuild$"):
        list(ReadPublishedFile(INDEX_SCHEMA).process(file))


def test_the_steps_go_to_workers() -> None:
    compare = pickle.loads(pickle.dumps(CompareBucket(full_snapshot=True)))
    (counts,) = compare.process((3, {"documents": [], "index": [], "tombstones": []}))
    assert counts == ChangeCounts()
    assert pickle.loads(pickle.dumps(ReadPublishedFile(INDEX_SCHEMA)))._schema == INDEX_SCHEMA
    assert hash_content(b"text 3") in DOCUMENTS["content_hash"].to_pylist()
