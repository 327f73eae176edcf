"""Many random runs, without embedding anything: what lives is what a dictionary says."""

from __future__ import annotations

import random

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from albert_embed.pipeline.dataset.tombstones import GENERATION, TOMBSTONE_IDS_SCHEMA
from albert_embed.pipeline.incremental.compare_documents import INDEX_SCHEMA, compare_documents, find_live_documents
from albert_embed.pipeline.shards.keys import document_keys, keys_to_arrow
from tests.pipeline.incremental.test_compare_documents import key, make_documents, make_index

IDS = [b"d%d" % number for number in range(30)]


def read_live(index: pa.Table, tombstones: pa.Table) -> dict[bytes, tuple[bytes, int]]:
    """Returns the content hash and the rows of each live document."""
    rows = find_live_documents(index, tombstones).to_pylist()
    assert all(row["whole"] and row["documents"] == 1 for row in rows)
    return {row["id"]: (row["published_hash"], row["rows"]) for row in rows}


@pytest.mark.parametrize("seed", range(20))
def test_what_lives_after_random_runs(seed: int) -> None:
    generator = random.Random(seed)
    expected: dict[bytes, bytes] = {}
    index, tombstones = INDEX_SCHEMA.empty_table(), TOMBSTONE_IDS_SCHEMA.empty_table()
    live_rows = 0
    for generation in range(12):
        full_snapshot = generator.random() < 0.5
        corpus = [(id_, b"text %d" % generator.randrange(3)) for id_ in generator.sample(IDS, generator.randrange(31))]
        repeated = [document for document in corpus if generator.random() < 0.2]
        contradicted = [(id_, b"another") for id_, _ in corpus if generator.random() < 0.1]
        documents = [*corpus, *repeated, *contradicted]
        generator.shuffle(documents)

        # What a run is to leave behind: documents of one text alone, and of the absent ones as the snapshot says.
        not_unique = {id_ for id_, _ in contradicted}
        if full_snapshot:
            expected = {}
        expected = {id_: text for id_, text in expected.items() if id_ not in not_unique}
        before = dict(expected)
        expected |= {id_: text for id_, text in corpus if id_ not in not_unique}

        found = compare_documents(make_documents(*documents), index, tombstones, full_snapshot=full_snapshot)
        chosen = {row["key"] for row in found.selected.to_pylist() if row["unique"]}
        texts = {key(id_, text): (id_, text) for id_, text in corpus}
        embedded = [texts[chosen_key] for chosen_key in chosen]
        assert not full_snapshot or found.counts.deleted == len(read_live(index, tombstones).keys() - dict(documents))
        assert full_snapshot or {id_ for id_, _ in embedded} == {
            id_ for id_, text in expected.items() if before.get(id_) != text
        }
        windows = {id_: 1 + len(text + id_) % 3 for id_, text in embedded}
        rows = [(id_, text, generation, windows[id_], list(range(windows[id_]))) for id_, text in embedded]
        index = pa.concat_tables([index, make_index(*rows)])
        dead = found.tombstones.select(["id"]).append_column(
            GENERATION, pa.repeat(pa.scalar(generation, pa.int64()), found.tombstones.num_rows)
        )
        tombstones = pa.concat_tables([tombstones, dead])

        live = read_live(index, tombstones)
        assert live.keys() == expected.keys()
        # The counts of the manifest: what was, less what is dead, and what is new.
        live_rows += sum(windows.values()) - (pc.sum(found.tombstones["rows"]).as_py() or 0)
        assert live_rows == sum(count for _, count in live.values())
        for id_, text in expected.items():
            assert key(id_, text) == key_of(id_, live[id_][0])


def key_of(id_: bytes, content_hash: bytes) -> bytes:
    found: bytes = keys_to_arrow(document_keys(pa.array([id_]), pa.array([content_hash])))[0].as_py()
    return found
