"""`albert-embed export`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albert_embed.pipeline.cli.command import JSON, Arguments, Command
from albert_embed.pipeline.cli.option import Kind, Option
from albert_embed.pipeline.cli.output import CommandResult

if TYPE_CHECKING:
    from rich.table import Table

    from albert_embed.model.export import ExportReport

OPTIONS = (
    Option(
        flag="--source",
        required=True,
        metavar="PATH",
        help="directory, .tar.gz or TF Hub handle of a TF1 Hub module, a TF1 checkpoint or a Hugging Face model",
    ),
    Option(
        flag="--output", required=True, metavar="DIR", type=Path, help="where to write; must be empty or not yet exist"
    ),
    Option(
        flag="--precision",
        choices=("float32", "bfloat16", "float16"),
        default="float32",
        help="what the export computes in",
    ),
    Option(
        flag="--vocabulary",
        field="vocabulary_file",
        metavar="FILE",
        type=Path,
        help="the SentencePiece model, where the source has none",
    ),
    Option(
        flag="--cased",
        kind=Kind.SWITCH,
        help="keep upper and lower case in texts, where the source does not say",
    ),
    JSON,
)


def run_export(arguments: Arguments) -> CommandResult:
    """Exports, and says how the export compares with its source."""
    from albert_embed.model.export import export_model

    values = {name: value for name, value in arguments.values.items() if name != "json"}
    report = export_model(**values)
    directory = str(values["output"])
    record = {"status": "published", "exit_status": 0, "output": directory, **dataclasses.asdict(report)}
    return CommandResult(record=record, blocks=(_make_table(report, directory),))


def _make_table(report: ExportReport, directory: str) -> Table:
    from albert_embed.pipeline.cli.pairs_table import make_pairs_table

    rows: dict[str, Any] = {
        "written": directory,
        "source format": report.source_format,
        "precision": report.precision,
        "fingerprint": report.fingerprint,
    }
    if report.source_differences is None:
        rows["source not run"] = report.source_not_run
    else:
        for name, difference in report.source_differences.items():
            rows[f"largest difference from the source, {name}"] = f"{difference:.3g}"
    for name, difference in report.float32_differences.items():
        rows[f"largest difference from float32, {name}"] = f"{difference:.3g}"
    for number, note in enumerate(report.notes, 1):
        rows[f"note {number}"] = note
    return make_pairs_table("export", rows)


EXPORT = Command(
    name="export",
    description="Turn published ALBERT weights into the SavedModel that embed hosts.",
    options=OPTIONS,
    run=run_export,
)
