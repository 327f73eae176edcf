"""`select_documents`: selects, from the documents that are read again, those that the comparison has chosen."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems
from apache_beam.utils.shared import Shared

from albert_embed.pipeline.incremental.compare_documents import KEY, SELECTED_SCHEMA, UNIQUE
from albert_embed.pipeline.shards.keys import document_keys, find_keys, keys_from_arrow
from albert_embed.transforms import metrics
from albert_embed.transforms.columns import CONTENT_HASH, ID, ORIGIN, TEXT_START
from albert_embed.transforms.failure import Failure
from albert_embed.transforms.map_or_fail import MapOrFail


@dataclasses.dataclass(frozen=True, kw_only=True)
class Selection:
    """The documents to select, looked up by key: 26 bytes each.

    Attributes:
      keys: of ids and contents, sorted.
      origins: for each, the origin of the one to select among equal documents.
      any_origin: for each, whether there is only one such document.
      unique: for each, whether its id has only this content; else it is to fail.
    """

    keys: np.ndarray
    origins: np.ndarray
    any_origin: np.ndarray
    unique: np.ndarray


def read_selection(paths: Sequence[str]) -> Selection:
    """Reads the selection in these Parquet files (`SELECTED_SCHEMA`)."""
    tables = [SELECTED_SCHEMA.empty_table()]
    for path in paths:
        with FileSystems.open(path, compression_type="uncompressed") as file:
            tables.append(pq.read_table(pa.BufferReader(file.read())).cast(SELECTED_SCHEMA))
    table = pa.concat_tables(tables)
    keys = keys_from_arrow(table[KEY])
    order = np.argsort(keys)
    return Selection(
        keys=keys[order],
        origins=np.asarray(table[ORIGIN].fill_null(0))[order],
        any_origin=np.asarray(table[ORIGIN].is_null())[order],
        unique=np.asarray(table[UNIQUE])[order],
    )


def select_documents(documents: pa.RecordBatch, selection: Selection) -> tuple[pa.RecordBatch, list[Failure]]:
    """Returns the documents to embed, without `origin`, and a failure for each whose id belongs to several.

    Args:
      documents: prepared, with `id`, `content_hash`, `text_start` and, where the source has it, `origin`.
      selection: which to select.
    """
    found = find_keys(selection.keys, document_keys(documents.column(ID), documents.column(CONTENT_HASH)))
    rows = np.flatnonzero(found >= 0)
    found = found[rows]
    failing = rows[~selection.unique[found]]
    taken = selection.unique[found]
    if ORIGIN in documents.schema.names:
        origins = np.asarray(documents.column(ORIGIN))[rows]
        taken &= selection.any_origin[found] | (selection.origins[found] == origins)
        documents = documents.drop_columns([ORIGIN])
    failures = [
        Failure(
            id=row[ID],
            stage="read",
            reason="id not unique",
            error=f"the input has the id {row[ID].decode(errors='backslashreplace')!r} more than once, with different "
            "contents or in places that can't be distinguished (such as a file that two patterns of --input name); an "
            "output that runs add to holds each id once: give each document an id of its own",
            text=row[TEXT_START],
        )
        for row in documents.select([ID, TEXT_START]).take(pa.array(failing)).to_pylist()
    ]
    chosen = rows[taken]
    return documents if len(chosen) == documents.num_rows else documents.take(pa.array(chosen)), failures


class LoadSelection:
    """Reads a selection once for each worker process.

    Args:
      paths: the files that hold it.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = tuple(paths)
        self._shared = Shared()

    def __call__(self) -> Selection:
        selection: Selection = self._shared.acquire(lambda: read_selection(self._paths), tag="/".join(self._paths))
        return selection


def make_select_documents(paths: Sequence[str]) -> MapOrFail:
    """Makes a step of `select_documents`, with the selection in these files; selected documents are counted.

    A document that has changed since the comparison is in neither output; the next run will find it.
    """
    return MapOrFail(select_documents, load=LoadSelection(paths), counter=metrics.SELECTED_DOCUMENTS)
