"""Finds which documents are new, changed, unchanged or gone: joins an input with the index of what was embedded.

All of it is Arrow, for one bucket of ids at a time (`pipeline.incremental.id_buckets`).
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from albert_embed.pipeline.dataset.generation import DocumentCounts
from albert_embed.pipeline.dataset.tombstones import (
    DELETED,
    DOCUMENTS,
    GENERATION,
    ROWS,
    TOMBSTONE_SCHEMA,
)
from albert_embed.pipeline.shards import shard_index
from albert_embed.pipeline.shards.keys import document_keys, keys_to_arrow
from albert_embed.pipeline.shards.places import KEY, UNIQUE
from albert_embed.transforms.rows.columns import (
    CONTENT_HASH,
    ID,
    INPUT_POSITION,
    INPUT_RANGE,
    TOKENS,
    TRUNCATED,
    TYPES,
    WINDOW,
    WINDOW_COUNT,
)

NUMBER = "number"
PLACE = "place"

# What is read of each document of the input.
DOCUMENT_SCHEMA = pa.schema([(name, TYPES[name]) for name in (ID, CONTENT_HASH, INPUT_RANGE, INPUT_POSITION)])
# The index of the rows that were published.
INDEX_SCHEMA = pa.schema(
    [
        *(shard_index.SCHEMA.field(name) for name in (ID, CONTENT_HASH, WINDOW, WINDOW_COUNT, TOKENS, TRUNCATED)),
        pa.field(GENERATION, pa.int64()),
    ]
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ComparedDocuments:
    """The result for one bucket's documents.

    Attributes:
      selected: `SELECTED_SCHEMA` with `input_range`, the documents to take on the second reading: one of those that are
        equal, and all of an id that has several contents.
      tombstones: `TOMBSTONE_SCHEMA`, the documents whose published rows are dead from now on.
      dead_vectors: how many of these have a vector of their own, where the dataset has such.
      counts: how many there are of each kind.
    """

    selected: pa.Table
    tombstones: pa.Table
    dead_vectors: int
    counts: DocumentCounts


def compare_documents(
    documents: pa.Table, index: pa.Table, tombstones: pa.Table, *, full_snapshot: bool
) -> ComparedDocuments:
    """Joins the documents of an input with what is published for the same ids.

    Args:
      documents: `DOCUMENT_SCHEMA`.
      index: `INDEX_SCHEMA`, every row of every generation.
      tombstones: `TOMBSTONE_IDS_SCHEMA`.
      full_snapshot: whether published documents that `documents` lack are gone.
    """
    documents = _sort_by_place(documents)
    contents = _group_contents(documents)
    ids = _group_ids(contents)
    joined = ids.join(find_live_documents(index, tombstones), keys=ID, join_type="full outer", use_threads=False)
    in_input, in_output = _is_there(joined, "contents"), _is_there(joined, ROWS)
    unique = _to_mask(joined, "unique_content") & in_input
    same = _to_mask(joined, "whole") & _equal(joined, CONTENT_HASH, "published_hash") & unique & in_output
    new, changed = unique & ~in_output, unique & in_output & ~same
    deleted = in_output & ~in_input & full_snapshot
    not_unique = in_input & ~unique
    gone = joined.append_column(DELETED, pa.array(deleted)).filter(
        pa.array(changed | (not_unique & in_output) | deleted)
    )
    copies = _to_numbers(joined, "copies")
    return ComparedDocuments(
        selected=_select(documents, contents, joined, new | changed, not_unique),
        tombstones=gone.select(TOMBSTONE_SCHEMA.names).cast(TOMBSTONE_SCHEMA),
        dead_vectors=int(_to_mask(gone, "has_vector").sum()),
        counts=DocumentCounts(
            read=documents.num_rows,
            new=int(new.sum()),
            changed=int(changed.sum()),
            unchanged=int(same.sum()),
            repeated=int((copies - 1)[unique].sum()),
            not_unique=int(copies[not_unique].sum()),
            deleted=int(deleted.sum()),
        ),
    )


def find_live_documents(index: pa.Table, tombstones: pa.Table) -> pa.Table:
    """Finds the documents that have rows which no later generation has superseded.

    Returns:
      `id`, `published_hash`, the counts of its live rows (`documents`, `rows`, `tokens`, `truncated`), `has_vector`:
      whether they are all windows of one content, so that a vector of the document was made of them, and `whole`:
      whether each of these is there once. One row per id.
    """
    latest = tombstones.group_by(ID, use_threads=False).aggregate([(GENERATION, "max")])
    joined = index.join(latest, keys=ID, join_type="left outer", use_threads=False)
    live = joined.filter(pc.greater_equal(joined[GENERATION], pc.fill_null(joined["generation_max"], 0)))
    live = live.append_column("is_first", pc.equal(live[WINDOW], 0).cast(pa.int64()))
    grouped = live.group_by(ID, use_threads=False).aggregate(
        [
            ([], "count_all"),
            (CONTENT_HASH, "one"),
            (CONTENT_HASH, "count_distinct"),
            (WINDOW, "count_distinct"),
            (WINDOW_COUNT, "max"),
            ("is_first", "sum"),
            (TOKENS, "sum"),
            (TRUNCATED, "sum"),
        ]
    )
    rows = grouped["count_all"]
    windows = grouped["window_count_distinct"]
    has_vector = pc.and_(
        pc.equal(grouped["content_hash_count_distinct"], 1), pc.equal(grouped["window_count_max"], windows)
    )
    return pa.table(
        {
            ID: grouped[ID],
            "published_hash": grouped["content_hash_one"],
            DOCUMENTS: grouped["is_first_sum"],
            ROWS: rows,
            TOKENS: grouped["tokens_sum"],
            TRUNCATED: grouped["truncated_sum"],
            "has_vector": has_vector,
            "whole": pc.and_(has_vector, pc.equal(windows, rows)),
        }
    )


def _sort_by_place(documents: pa.Table) -> pa.Table:
    """Sorts by places, and adds `number`, the row, and `place`, a number of its own for each place."""
    order = pc.sort_indices(documents, sort_keys=[(INPUT_RANGE, "ascending"), (INPUT_POSITION, "ascending")])
    documents = documents.combine_chunks().take(order)
    ranges, positions = documents[INPUT_RANGE].combine_chunks(), np.asarray(documents[INPUT_POSITION])
    is_new = np.ones(documents.num_rows, bool)
    is_new[1:] = ~np.asarray(pc.equal(ranges[1:], ranges[:-1])) | (positions[1:] != positions[:-1])
    documents = documents.append_column(NUMBER, pa.array(np.arange(documents.num_rows)))
    return documents.append_column(PLACE, pa.array(np.cumsum(is_new)))


def _group_contents(documents: pa.Table) -> pa.Table:
    """Groups by id and content: the number of copies, the first one's row, and whether all have their own place."""
    grouped = documents.group_by([ID, CONTENT_HASH], use_threads=False).aggregate(
        [([], "count_all"), (NUMBER, "min"), (PLACE, "count_distinct")]
    )
    return pa.table(
        {
            ID: grouped[ID],
            CONTENT_HASH: grouped[CONTENT_HASH],
            "copies": grouped["count_all"],
            NUMBER: grouped["number_min"],
            "told_apart": pc.equal(grouped["place_count_distinct"], grouped["count_all"]),
        }
    )


def _group_ids(contents: pa.Table) -> pa.Table:
    """Groups by id: how many contents and copies there are, and whether one document can represent all of them."""
    grouped = contents.group_by(ID, use_threads=False).aggregate(
        [([], "count_all"), (CONTENT_HASH, "one"), ("copies", "sum"), ("told_apart", "all")]
    )
    one_copy = pc.or_(pc.equal(grouped["copies_sum"], 1), grouped["told_apart_all"])
    return pa.table(
        {
            ID: grouped[ID],
            CONTENT_HASH: grouped["content_hash_one"],
            "contents": grouped["count_all"],
            "copies": grouped["copies_sum"],
            "unique_content": pc.and_(pc.equal(grouped["count_all"], 1), one_copy),
        }
    )


def _select(documents: pa.Table, contents: pa.Table, joined: pa.Table, embed: np.ndarray, fail: np.ndarray) -> pa.Table:
    """Returns one document of each id to embed, and all of those that are to fail."""
    embedded = contents.join(joined.select([ID]).filter(pa.array(embed)), keys=ID, join_type="inner", use_threads=False)
    numbers = np.sort(np.asarray(embedded[NUMBER]))
    failing = np.flatnonzero(np.asarray(pc.is_in(documents[ID], joined[ID].filter(pa.array(fail)))))
    taken = documents.take(pa.array(np.concatenate([numbers, failing])))
    return pa.table(
        {
            INPUT_RANGE: taken[INPUT_RANGE],
            INPUT_POSITION: taken[INPUT_POSITION],
            KEY: keys_to_arrow(document_keys(taken[ID], taken[CONTENT_HASH])),
            UNIQUE: pa.array(np.arange(taken.num_rows) < len(numbers)),
        }
    )


def _is_there(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(table[name].is_valid())


def _to_mask(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(pc.fill_null(table[name], False))


def _equal(table: pa.Table, first: str, second: str) -> np.ndarray:
    return np.asarray(pc.fill_null(pc.equal(table[first], table[second]), False))


def _to_numbers(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(pc.fill_null(table[name], 0))
