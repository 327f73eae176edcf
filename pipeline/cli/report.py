"""`albert-embed report`."""

from __future__ import annotations

from albert_embed.pipeline.console.command import JSON, Arguments, Command
from albert_embed.pipeline.console.option import Option
from albert_embed.pipeline.console.output import CommandResult

OPTIONS = (
    Option(flag="DIR", field="directory", required=True, help="a finished output, or a finished analysis"),
    Option(flag="--output", metavar="FILE", default="report.html in DIR", help="where to write the page"),
    JSON,
)


def run_report(arguments: Arguments) -> CommandResult:
    """Writes the page and says where it is."""
    from albert_embed.pipeline.console.pairs_table import make_pairs_table
    from albert_embed.pipeline.report.write_report import write_report

    directory = arguments.values["directory"]
    written = write_report(directory, arguments.values.get("output"))
    record = {"status": "written", "exit_status": 0, "output": directory, "page": written.path, "bytes": written.bytes}
    return CommandResult(
        record=record, blocks=(make_pairs_table("report", {"page": written.path, "bytes": written.bytes}),)
    )


REPORT = Command(
    name="report",
    description="Write one HTML page that shows what a finished output or an analysis holds. It needs no network.",
    options=OPTIONS,
    run=run_report,
)
