"""`albert-embed search`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from albert_embed.pipeline.console.command import JSON, Arguments, Command
from albert_embed.pipeline.console.option import Kind, Option, Place
from albert_embed.pipeline.console.output import CommandResult
from albert_embed.pipeline.console.usage_error import UsageError
from albert_embed.pipeline.settings.search_options import DEFAULT_HITS, METRICS, SearchOptions
from albert_embed.transforms.rows.plain_values import to_plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from albert_embed.pipeline.console.output import Block
    from albert_embed.pipeline.nearest.find_nearest import Hit
    from albert_embed.pipeline.search.search_dataset import SearchResult

OPTIONS = (
    Option(flag="DIR", place=Place.READ, field="directory", required=True, help="a finished output"),
    Option(flag="QUERY", field="query", help="the text to look for; or --queries"),
    Option(
        flag="--queries", place=Place.READ, field="queries_file", metavar="FILE", help="a file of queries, one per line"
    ),
    Option(flag="-k", field="hits", type=int, metavar="K", default=str(DEFAULT_HITS), help="hits for each query"),
    Option(
        flag="--embedding",
        metavar="NAME",
        default="sentence, document, mean or pooled, the first that the output has",
        help="which of the output's embeddings to compare",
    ),
    Option(flag="--metric", choices=METRICS, default="cosine", help="how vectors are compared"),
    Option(flag="--exact", kind=Kind.SWITCH, help="compare all rows, even where there is an index"),
    JSON,
)
_MAX_TEXT = 100


def run_search(arguments: Arguments) -> CommandResult:
    """Finds the rows that are nearest to each query."""
    options = SearchOptions(queries=_read_queries(arguments), **arguments.choose(SearchOptions))

    from albert_embed.pipeline.search.search_dataset import search_dataset

    result = search_dataset(options)
    record = {
        "status": "found",
        "exit_status": 0,
        "output": result.directory,
        "embedding": result.embedding,
        "metric": result.metric,
        "index": result.index,
        "queries": [
            {"query": query, "hits": [_describe_hit(hit) for hit in hits]}
            for query, hits in zip(result.queries, result.hits, strict=True)
        ],
    }
    return CommandResult(record=record, blocks=tuple(_make_blocks(result)))


def _read_queries(arguments: Arguments) -> tuple[str, ...]:
    """Returns the query, or those of the file, empty lines left out.

    Raises:
      UsageError: if there is neither or both, or the file can't be read, is not UTF-8 or holds none.
    """
    given = [name for name in ("query", "queries_file") if name in arguments.values]
    if len(given) != 1:
        raise UsageError("give a query or --queries FILE, one of the two")
    if given == ["query"]:
        return (arguments.values["query"],)
    path = arguments.values["queries_file"]

    from albert_embed.transforms.files.directories import read_file

    try:
        lines = read_file(path).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as e:
        raise UsageError(f"--queries {path} is not UTF-8 at byte {e.start}; convert the file to UTF-8") from e
    except OSError as e:
        raise UsageError(
            f"--queries {path} can't be read: {e.strerror or e}; give a file that has a query in each line"
        ) from e
    queries = tuple(line for line in lines if line.strip())
    if not queries:
        raise UsageError(f"--queries {path} holds no query; write one in each line")
    return queries


def _describe_hit(hit: Hit) -> dict[str, Any]:
    """Returns the score and the columns of a hit; a kept field that is called `score`, too, is `kept_score`."""
    row = {"kept_score" if name == "score" else name: to_plain(value) for name, value in hit.row.items()}
    return {"score": hit.score, **row}


def _make_blocks(result: SearchResult) -> list[Block]:
    """Returns each query and its hits. The query stands above their table, which may be narrower."""
    from albert_embed.pipeline.console.pairs_table import make_cell

    blocks: list[Block] = []
    for query, hits in zip(result.queries, result.hits, strict=True):
        title = make_cell(f"{query} ({result.embedding}, {result.metric})")
        title.stylize("italic")
        blocks += [title, _make_table(hits) if hits else f"no hits: {result.directory} holds no rows"]
    return blocks


def _make_table(hits: Sequence[Hit]) -> Table:
    from rich.table import Table

    from albert_embed.pipeline.console.pairs_table import make_cell

    table = Table()
    table.add_column("score", justify="right")
    table.add_column("id", overflow="fold")
    table.add_column("row", overflow="fold")
    for hit in hits:
        plain = _describe_hit(hit)
        window = f", window {plain['window']}" if plain.get("window") else ""
        table.add_row(f"{hit.score:.4f}", make_cell(f"{plain['id']}{window}"), make_cell(_summarise(plain)))
    return table


def _summarise(row: dict[str, Any]) -> str:
    """Returns the start of the text, where the output keeps it, and the other kept fields."""
    from albert_embed.pipeline.report.facts import shorten

    shown = shorten(row.get("text") or "", _MAX_TEXT)
    own = ("score", "id", "text", "window", "window_start", "truncated", "windows", "tokens")
    others = [
        f"{name}: {shorten(value, _MAX_TEXT)}" for name, value in row.items() if name not in own and value is not None
    ]
    return " · ".join(filter(None, (shown, *others)))


SEARCH = Command(
    name="search",
    description="Find the rows of a finished output that are nearest to a text, by the output's own model.",
    options=OPTIONS,
    run=run_search,
)
