"""`CombineDocuments`: makes one vector for each document from its embedded windows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.transforms.window import BoundedWindow
from apache_beam.utils.windowed_value import WindowedValue

from albert_embed.model.architecture.padded_batch import float_lists
from albert_embed.pipeline.settings.field_type import FieldType
from albert_embed.transforms.rows.columns import (
    CONTENT_HASH,
    DOCUMENT_OUTPUT,
    ID,
    INPUT_IDS,
    MEAN_OUTPUT,
    TOKENS,
    TYPES,
    WINDOW,
    WINDOW_COUNT,
    WINDOWS,
)
from albert_embed.transforms.rows.list_lengths import list_lengths
from albert_embed.transforms.rows.window_sums import WindowMean, WindowSums
from albert_embed.transforms.steps.bundle_end import at_end_of
from albert_embed.transforms.steps.failure import Failure
from albert_embed.transforms.steps.map_or_fail import MapOrFail
from albert_embed.transforms.steps.outputs import COUNTS, DOCUMENTS, FAILURES

# How many texts under one id a failure names.
_NAMED_HASHES = 3
# How many documents leave together: 6 MB of vectors of width 768.
_ROWS_OF_A_BATCH = 1024

# What was seen of one id: the hash of each content → the sums of its windows; None where there are several contents,
# which all get no vector.
Contents = dict[bytes, "WindowSums | None"]


class CombineDocuments(beam.PTransform[beam.PCollection[pa.RecordBatch], dict[str, beam.PCollection[Any]]]):
    """Averages the windows of each document, weighted by their tokens.

    Takes RecordBatches as `EmbedText` gives them, with `mean_output`. Returns three PCollections: `documents`,
    RecordBatches `{id, windows, tokens, kept fields, document_output}`, one row per document; `failures`, a
    `transforms.steps.failure.Failure` for each document of which a window is missing, and for each of several texts
    under one id; and `counts`. A document that is there twice gets one row.

    The windows may come from any worker, in any order. Windows of one bundle are added up first. So one float64 vector
    and some 400 bytes per document move between workers, or are in the memory of a runner without a disk.

    Args:
      kept: kept fields, with their types (`pipeline.settings.kept_fields`).
    """

    def __init__(self, kept: Mapping[str, FieldType] | None = None) -> None:
        super().__init__()
        self._kept = dict(kept or {})

    def expand(self, rows: beam.PCollection[pa.RecordBatch]) -> dict[str, beam.PCollection[Any]]:
        combined = (
            rows
            | "KeyWindows" >> beam.ParDo(KeyWindows(tuple(self._kept))).with_output_types(tuple[bytes, Any])
            | "AddWindows" >> beam.CombinePerKey(AddWindows())  # type: ignore[no-untyped-call]  # Beam's __init__
            | "CheckContents" >> MapOrFail(check_contents)
        )
        documents = combined.passed | "MakeDocumentRows" >> beam.ParDo(MakeDocumentRows(self._kept))
        return {DOCUMENTS: documents, FAILURES: combined.failures, COUNTS: combined.counts}


class KeyWindows(beam.DoFn):
    """Turns each embedded row into `(id, WindowMean)`.

    Args:
      kept: kept fields, which are needed once per document.
    """

    def __init__(self, kept: tuple[str, ...]) -> None:
        self._kept = kept

    def process(self, rows: pa.RecordBatch) -> Iterator[tuple[bytes, WindowMean]]:
        if not rows.num_rows:
            return
        means = np.asarray(rows.column(MEAN_OUTPUT).flatten()).reshape(rows.num_rows, -1)
        tokens = list_lengths(rows.column(INPUT_IDS)).tolist()
        kept = rows.select(list(self._kept))
        keys = (rows.column(name).to_pylist() for name in (ID, CONTENT_HASH, WINDOW, WINDOW_COUNT))
        for row, (name, content_hash, window, window_count) in enumerate(zip(*keys, strict=True)):
            carried = tuple(column[row].as_py() for column in kept.columns) if window == 0 else None
            yield name, WindowMean(content_hash, window, window_count, tokens[row], means[row], carried)


class AddWindows(beam.CombineFn):
    """Adds up all windows of one id to its `Contents`."""

    def create_accumulator(self) -> Contents:
        return {}

    def add_input(self, contents: Contents, window: WindowMean) -> Contents:
        if window.content_hash not in contents:
            contents[window.content_hash] = None if contents else WindowSums(window.window_count)
            if len(contents) == 2:
                contents.update(dict.fromkeys(contents))
        sums = contents[window.content_hash]
        if sums is not None:
            sums.add(window)
        return contents

    def merge_accumulators(self, accumulators: Iterable[Contents]) -> Contents:
        merged: Contents = {}
        for contents in accumulators:
            for content_hash, sums in contents.items():
                there = merged.setdefault(content_hash, None if sums is None else WindowSums(sums.window_count))
                if there is None or sums is None:
                    merged[content_hash] = None
                else:
                    there.merge(sums)
        return dict.fromkeys(merged) if len(merged) > 1 else merged

    def extract_output(self, contents: Contents) -> Contents:
        return contents


class MakeDocumentRows(beam.DoFn):
    """Turns `(id, WindowSums)` into RecordBatches of documents.

    Args:
      kept: kept fields, with their types.
    """

    def __init__(self, kept: Mapping[str, FieldType]) -> None:
        self._kept = kept
        self._held: dict[BoundedWindow, list[tuple[bytes, WindowSums]]] = {}

    def start_bundle(self) -> None:
        self._held = {}

    def process(
        self,
        document: tuple[bytes, WindowSums],
        window: BoundedWindow = beam.DoFn.WindowParam,  # type: ignore[assignment]
    ) -> Iterator[pa.RecordBatch]:
        held = self._held.setdefault(window, [])
        held.append(document)
        if len(held) >= _ROWS_OF_A_BATCH:
            yield make_document_rows(held, self._kept)
            held.clear()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        for window, held in self._held.items():
            if held:
                yield at_end_of(window, make_document_rows(held, self._kept))
        self._held = {}


def check_contents(seen: tuple[bytes, Contents]) -> tuple[tuple[bytes, WindowSums] | None, list[Failure]]:
    """Returns the document of `(id, what was seen of it)`, or failures that say why there is no vector."""
    name, contents = seen
    if len(contents) > 1:
        hashes = sorted(content_hash.hex() for content_hash in contents)
        more = f" and {len(hashes) - _NAMED_HASHES} more" if len(hashes) > _NAMED_HASHES else ""
        others = ", ".join(hashes[:_NAMED_HASHES]) + more
        return None, [
            _fail(
                name,
                "id not unique",
                f"the content {content_hash} is one of {len(hashes)} with this id ({others}); give --id-field a field "
                "that identifies documents, or leave document out of --embeddings",
            )
            for content_hash in hashes
        ]
    (sums,) = contents.values()
    assert sums is not None, "the sums of a content are dropped only for another one"
    if sums.complete:
        return (name, sums), []
    return None, [
        _fail(
            name,
            "window failed",
            f"of {sums.window_count} windows there are {len(sums.windows)} ({_list_ranges(sums.windows)}); the "
            "failures with this id say what is wrong with the others. Embed it again once that is corrected",
        )
    ]


def _fail(name: bytes, reason: str, error: str) -> Failure:
    """Makes a failure without text: the vectors of a corpus fit into memory, its texts may not."""
    return Failure(id=name, stage="combine", reason=reason, error=error, text=b"")


def _list_ranges(numbers: list[int]) -> str:
    """Formats numbers as ranges such as `0-2, 4`; only the first ten."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    shown = [f"{first}" if first == last else f"{first}-{last}" for first, last in ranges[:10]]
    return ", ".join(shown) + (", …" if len(ranges) > 10 else "")


def make_document_rows(documents: list[tuple[bytes, WindowSums]], kept: Mapping[str, FieldType]) -> pa.RecordBatch:
    """Makes rows `{id, windows, tokens, kept fields, document_output}`.

    Args:
      documents: id and sums; at least one.
      kept: kept fields, with their types.
    """
    vectors = np.stack([sums.mean() for _, sums in documents]).astype(np.float32)
    columns = {
        ID: pa.array([name for name, _ in documents], TYPES[ID]),
        WINDOWS: pa.array([sums.window_count for _, sums in documents], TYPES[WINDOWS]),
        TOKENS: pa.array([sums.tokens for _, sums in documents], TYPES[TOKENS]),
    }
    for position, (field, type_) in enumerate(kept.items()):
        values = [None if sums.kept is None else sums.kept[position] for _, sums in documents]
        columns[field] = pa.array(values, type_.arrow)
    columns[DOCUMENT_OUTPUT] = float_lists(vectors, np.full(len(vectors), vectors.shape[1]))
    return pa.RecordBatch.from_pydict(columns)
