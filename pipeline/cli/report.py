"""`albert-embed report`."""

from __future__ import annotations

from typing import Any

from albert_embed.pipeline.console.command import JSON, Arguments, Command
from albert_embed.pipeline.console.option import Kind, Option, Place
from albert_embed.pipeline.console.output import CommandResult
from albert_embed.pipeline.vectors.report_options import DEFAULT_ATLAS_ROWS, MAP_METHODS, ReportOptions

OPTIONS = (
    Option(
        flag="DIR", place=Place.READ, field="directory", required=True, help="a finished output, or a finished analysis"
    ),
    Option(
        flag="--output",
        place=Place.WRITTEN,
        metavar="FILE",
        default="report.html in DIR",
        help="where to write the page",
    ),
    Option(flag="--map", choices=MAP_METHODS, default="pca", help="how the map is made; tsne and umap: extra maps"),
    Option(flag="--atlas", place=Place.WRITTEN, metavar="FILE", help="also write a Parquet file for Embedding Atlas"),
    Option(
        flag="--atlas-rows",
        metavar="N",
        type=int,
        default=f"{DEFAULT_ATLAS_ROWS:,}",
        help="maximum rows in that file; of more, a random sample",
    ),
    Option(flag="--atlas-vectors", kind=Kind.SWITCH, help="that file holds the vectors, too"),
    JSON,
)


def run_report(arguments: Arguments) -> CommandResult:
    """Writes the page and says where it is."""
    from albert_embed.pipeline.console.pairs_table import make_pairs_table
    from albert_embed.pipeline.report.write_report import write_report

    options = ReportOptions(**arguments.choose(ReportOptions))
    written = write_report(options)
    shown: dict[str, Any] = {"page": written.path, "bytes": written.bytes}
    if written.atlas is not None:
        shown |= {"atlas": written.atlas.path, "atlas_rows": written.atlas.rows, "rows": written.atlas.row_count}
    record = {"status": "written", "exit_status": 0, "output": options.directory, **shown}
    return CommandResult(record=record, blocks=(make_pairs_table("report", shown),))


REPORT = Command(
    name="report",
    description="Write one HTML page that shows what a finished output or an analysis holds. It needs no network.",
    options=OPTIONS,
    run=run_report,
)
