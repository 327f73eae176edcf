"""`albert-embed index`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from albert_embed.pipeline.cli.retain import RETAIN
from albert_embed.pipeline.console.command import JSON, Arguments, Command
from albert_embed.pipeline.console.option import Kind, Option, Place
from albert_embed.pipeline.console.output import CommandResult
from albert_embed.pipeline.console.result_file import RESULT_FILE
from albert_embed.pipeline.progress.option import PROGRESS, choose_display
from albert_embed.pipeline.settings.search_options import METRICS, IndexOptions

if TYPE_CHECKING:
    from rich.table import Table

    from albert_embed.pipeline.commit.index_output import Indexing

OPTIONS = (
    Option(flag="DIR", place=Place.WRITTEN, field="directory", required=True, help="a finished output"),
    Option(
        flag="--embedding",
        metavar="NAME",
        default="that of the index that is there, else the one that search compares",
        help="which of the output's embeddings to index: mean, pooled, document or sentence",
    ),
    Option(
        flag="--metric",
        choices=METRICS,
        default="that of the index that is there, else cosine",
        help="how vectors are compared",
    ),
    Option(flag="--rebuild", kind=Kind.SWITCH, help="build it anew, even where the one that is there can be updated"),
    RETAIN,
    JSON,
    PROGRESS,
    RESULT_FILE,
)


def run_index(arguments: Arguments) -> CommandResult:
    """Makes the index, and says how good it is."""
    options = IndexOptions(**arguments.choose(IndexOptions))

    from albert_embed.pipeline.commit.index_output import index_output
    from albert_embed.pipeline.commit.transaction import watch_versions

    watch_versions(options.directory)
    indexing = index_output(options, display=choose_display(arguments))
    record = {
        "status": _status(indexing),
        "exit_status": 0,
        "output": options.directory,
        "version": indexing.version,
        "retain": indexing.retain,
        "index": {**dataclasses.asdict(indexing.index), "bytes": indexing.bytes},
    }
    return CommandResult(record=record, blocks=(_make_table(indexing, options.directory),))


def _status(indexing: Indexing) -> str:
    return "published" if indexing.published else "unchanged"


def _make_table(indexing: Indexing, directory: str) -> Table:
    from albert_embed.pipeline.console.pairs_table import make_pairs_table

    index = indexing.index
    rows = {
        _status(indexing): directory,
        "version": indexing.version,
        "earlier versions kept": indexing.retain,
        "embedding": index.embedding,
        "metric": index.metric,
        "rows": index.rows,
        "dimensions": index.dimensions,
        "bytes": indexing.bytes,
        "recall@10": "not measured" if index.recall_at_10 is None else f"{index.recall_at_10:.4f}",
    }
    return make_pairs_table("index", rows)


INDEX = Command(
    name="index",
    description="Make an index beside a finished output, by which search finds rows without comparing all.",
    options=OPTIONS,
    run=run_index,
)
