"""`albert-embed inspect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from albert_embed.pipeline.console.command import JSON, Arguments, Command
from albert_embed.pipeline.console.option import Option, Place
from albert_embed.pipeline.console.output import CommandResult
from albert_embed.pipeline.settings.choices import check_at_least

if TYPE_CHECKING:
    from albert_embed.pipeline.console.output import Block
    from albert_embed.pipeline.dataset.inspect_output import Inspection

OPTIONS = (
    Option(flag="DIR", place=Place.READ, field="directory", required=True, help="a finished output"),
    Option(flag="--head", type=int, metavar="N", default="0", help="show the first N rows and failures too"),
    JSON,
)


def run_inspect(arguments: Arguments) -> CommandResult:
    """Reads the whole output and says what it holds."""
    directory, head = arguments.values["directory"], arguments.values.get("head", 0)
    check_at_least("--head", head, 0)

    from albert_embed.pipeline.dataset.inspect_output import inspect_output

    inspection = inspect_output(directory, head=head)
    return CommandResult(record=inspection.to_dict(), blocks=_make_blocks(inspection))


def _make_blocks(inspection: Inspection) -> tuple[Block, ...]:
    from rich.text import Text

    from albert_embed.pipeline.console.pairs_table import make_pairs_table

    rows: dict[str, Any] = {
        "directory": inspection.directory,
        "created": inspection.created,
        "model": inspection.model.name,
        "precision": inspection.model.precision,
        **inspection.counts.to_dict(),
        **{f"  {reason}": count for reason, count in inspection.failures.items()},
        **{f"{name} width": width for name, width in inspection.dimensions.items()},
        "encoding": inspection.encoding,
        "normalized": "yes" if inspection.normalized else "no",
        "bytes": inspection.bytes,
        "generations": inspection.generations,
        "dead rows": inspection.dead_rows,
        # Programs that read the data files know nothing of tombstones.
        **({"  other readers see them": "until albert-embed compact"} if inspection.dead_rows else {}),
        "earlier versions kept": _describe_retained(inspection),
        "search index": _describe_index(inspection),
        **{f"tokens per row, {name}": value for name, value in inspection.tokens.items()},
    }
    blocks: list[Block] = [make_pairs_table("inspect", rows)]
    for title, records in (("first rows", inspection.head), ("first failures", inspection.failed)):
        if records:
            blocks += [Text(title, style="bold"), *records]
    return tuple(blocks)


def _describe_retained(inspection: Inspection) -> str:
    readable = f"; readable: {', '.join(map(str, inspection.retained))}" if inspection.retained else ""
    return f"{inspection.retain} (--retain){readable}"


def _describe_index(inspection: Inspection) -> str:
    index = inspection.search_index
    if index is None:
        return "none"
    recall = "" if index.recall_at_10 is None else f", recall@10 {index.recall_at_10:.3f}"
    older = "" if index.version == inspection.version else f", of version {index.version}: run albert-embed index"
    return f"{index.embedding}, {index.metric}, {index.rows:,} rows{recall}{older}"


INSPECT = Command(
    name="inspect",
    description="Show what a finished output holds.",
    options=OPTIONS,
    run=run_inspect,
    reports_errors_as_json=False,
)
