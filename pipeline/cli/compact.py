"""`albert-embed compact`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from albert_embed.pipeline.cli.retain import RETAIN
from albert_embed.pipeline.console.command import JSON, Arguments, Command
from albert_embed.pipeline.console.option import Option, Place
from albert_embed.pipeline.console.output import CommandResult
from albert_embed.pipeline.console.result_file import RESULT_FILE
from albert_embed.pipeline.progress.option import PROGRESS, choose_display
from albert_embed.pipeline.settings.choices import check_at_least

if TYPE_CHECKING:
    from rich.table import Table

    from albert_embed.pipeline.commit.compact import Compaction

OPTIONS = (
    Option(flag="DIR", place=Place.WRITTEN, field="directory", required=True, help="an output that has been added to"),
    RETAIN,
    JSON,
    PROGRESS,
    RESULT_FILE,
)


def run_compact(arguments: Arguments) -> CommandResult:
    """Rewrites the output and says what that freed."""
    from albert_embed.pipeline.commit.compact import compact_output
    from albert_embed.pipeline.commit.transaction import watch_versions

    directory = arguments.values["directory"]
    retain = arguments.values.get("retain")
    check_at_least("--retain", retain, 0)
    watch_versions(directory)
    compaction = compact_output(directory, retain=retain, display=choose_display(arguments))
    record = {
        "status": _status(compaction),
        "exit_status": 0,
        "output": directory,
        "counts": compaction.manifest.counts.to_dict(),
        "generations": len(compaction.before.generations),
        "freed_bytes": compaction.freed_bytes,
        "retain": compaction.manifest.retain,
    }
    return CommandResult(record=record, blocks=(_make_table(compaction, directory),))


def _status(compaction: Compaction) -> str:
    return "published" if compaction.published else "unchanged"


def _make_table(compaction: Compaction, directory: str) -> Table:
    from albert_embed.pipeline.console.pairs_table import make_pairs_table

    rows: dict[str, Any] = {
        _status(compaction): directory,
        "generations before": len(compaction.before.generations),
        "documents": compaction.manifest.counts.documents,
        "rows": compaction.manifest.counts.rows,
        "bytes freed": compaction.freed_bytes,
        "earlier versions kept": compaction.manifest.retain,
    }
    return make_pairs_table("compact", rows)


COMPACT = Command(
    name="compact",
    description="Rewrite an output that --incremental runs have added to, without its dead rows.",
    options=OPTIONS,
    run=run_compact,
)
