"""`FindFinished`: what runs that were cut off have finished of the input, joined by Beam with what is wanted of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa

from albert_embed.pipeline.documents.keyed_tables import cut_by_column, from_bytes, to_bytes
from albert_embed.pipeline.resume.candidate_shards import (
    CandidateShard,
    list_candidates,
    read_candidate,
    read_finished_rows,
)
from albert_embed.pipeline.resume.find_losers import find_losers
from albert_embed.pipeline.shards.places import FINISHED_SCHEMA, SELECTED_SCHEMA
from albert_embed.transforms.rows.columns import INPUT_RANGE

# Instead of a table of selected documents: all of a part are wanted.
ALL_DOCUMENTS = b""
ROWS = "rows"
SHARDS = "shards"


class FindFinished(beam.PTransform[beam.PCollection[tuple[bytes, bytes]], dict[str, beam.PCollection[Any]]]):
    """Turns what is wanted of the input into `{"rows", "shards"}` of runs that were cut off.

    Takes (key of a part, `SELECTED_SCHEMA` as bytes, or `ALL_DOCUMENTS`). `rows` are (key of a part, `FINISHED_SCHEMA`
    as bytes), `shards` the Shards that have just these rows. A shard is used if each of its rows is wanted
    and in no earlier shard; the rows of others are embedded again. So neither the program that starts the run nor a
    worker holds more than the rows of one part or one shard.

    Args:
      directories: the staging folders, that of the earliest run first.
    """

    def __init__(self, directories: Sequence[str]) -> None:
        super().__init__()
        self._directories = list(enumerate(directories))

    def expand(self, wanted: beam.PCollection[tuple[bytes, bytes]]) -> dict[str, beam.PCollection[Any]]:
        attempts = (
            wanted.pipeline
            | "Folders" >> beam.Create(self._directories, reshuffle=False)
            | "ListShards" >> beam.FlatMapTuple(lambda attempt, directory: list_candidates(directory, attempt))
            | "SpreadShards" >> beam.Reshuffle()
            | "ReadIndexes" >> beam.FlatMap(cut_candidate).with_output_types(tuple[bytes, Any])
        )
        used = (
            {"wanted": wanted, "attempts": attempts}
            | "JoinOnPart" >> beam.CoGroupByKey()
            | "FindLosers" >> beam.FlatMapTuple(find_losing_shards).with_output_types(tuple[str, bool])
            | "AnyLost" >> beam.CombinePerKey(any)
            | "DropLosers" >> beam.Filter(lambda shard: not shard[1])
            | "ReadFinished" >> beam.FlatMap(read_finished).with_outputs(SHARDS, main=ROWS)
        )
        return {ROWS: used[ROWS], SHARDS: used[SHARDS]}


def cut_candidate(candidate: CandidateShard) -> Iterator[tuple[bytes, tuple[CandidateShard, bytes]]]:
    """Yields (key of a part, (the shard, its rows of that part)); nothing for a shard that is not whole."""
    found = read_candidate(candidate)
    if found is not None:
        named = dataclasses.replace(candidate, sizes=())  # they are checked, and need not travel
        for key, rows in cut_by_column(found[1], INPUT_RANGE):
            yield key, (named, to_bytes(rows))


def find_losing_shards(key: bytes, grouped: dict[str, Iterable[Any]]) -> Iterator[tuple[str, bool]]:
    """Yields (path of the index, whether the shard loses a row) for each shard with rows of one part."""
    attempts = sorted(grouped["attempts"], key=lambda attempt: attempt[0])
    if not attempts:
        return
    wanted = list(grouped["wanted"])
    selected: pa.Table | None = None
    if ALL_DOCUMENTS not in wanted:
        selected = from_bytes(wanted, SELECTED_SCHEMA)
    tables = [from_bytes([rows], FINISHED_SCHEMA) for _, rows in attempts]
    for (candidate, _), lost in zip(attempts, find_losers(tables, selected), strict=True):
        yield candidate.index, lost


def read_finished(used: tuple[str, bool]) -> Iterator[Any]:
    """Reads a shard that is used: (key of a part, its rows of that part), and the Shard to `SHARDS`."""
    index, _ = used
    shard, rows = read_finished_rows(index)
    for key, part in cut_by_column(rows, INPUT_RANGE):
        yield key, to_bytes(part)
    yield beam.pvalue.TaggedOutput(SHARDS, shard)
