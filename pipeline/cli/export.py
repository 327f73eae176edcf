"""`albert-embed export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from albert_embed.model.architecture.precision import EXPORT_PRECISIONS
from albert_embed.pipeline.console.command import JSON, Arguments, Command
from albert_embed.pipeline.console.interruption import say_if_interrupted
from albert_embed.pipeline.console.option import Kind, Option, Place
from albert_embed.pipeline.console.output import CommandResult
from albert_embed.pipeline.console.usage_error import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from albert_embed.model.export.export import ExportReport

# More are not looked at: of those that are read, some hundred are spread over all of them.
_MAX_TEXTS_READ = 20_000

OPTIONS = (
    Option(
        flag="--source",
        place=Place.READ,
        required=True,
        metavar="PATH",
        help="directory, .tar.gz or TF Hub handle of a TF1 Hub module, a TF1 checkpoint or a Hugging Face model",
    ),
    Option(
        flag="--output",
        place=Place.WRITTEN_HERE,
        required=True,
        metavar="DIR",
        type=Path,
        help="where to write; must be empty or not yet exist",
    ),
    Option(
        flag="--precision",
        choices=EXPORT_PRECISIONS,
        default="float32",
        help="what the export computes in",
    ),
    Option(
        flag="--calibration-texts",
        place=Place.READ,
        kind=Kind.WORDS,
        metavar="PATTERN",
        help="for int8: files, folders or globs of texts like those that will be embedded",
    ),
    Option(
        flag="--vocabulary",
        place=Place.READ,
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
    Option(
        flag="--comma-rule",
        choices=("albert", "huggingface"),
        help="cut pieces such as “1945,” as the ALBERT repository does, or keep them; by default as the source does",
    ),
    Option(
        flag="--accept-error",
        kind=Kind.SWITCH,
        help="write an export that differs from its source by more than rounding explains, or that can't be compared "
        "because the source's own program fails",
    ),
    JSON,
)


def run_export(arguments: Arguments) -> CommandResult:
    """Exports, and says how the export compares with its source."""
    from albert_embed.model.export.export import export_model

    values = {name: value for name, value in arguments.values.items() if name not in ("json", "calibration_texts")}
    patterns = arguments.values.get("calibration_texts")
    if values.get("precision") == "int8" and not patterns:
        raise UsageError(
            "--precision int8 needs --calibration-texts: some hundred texts like those that will be embedded, on which "
            "the ranges of numbers are measured"
        )
    if patterns:
        from albert_embed.pipeline.documents.read_texts import read_texts

        values["calibration_texts"] = read_texts(patterns, max_texts=_MAX_TEXTS_READ, option="--calibration-texts")
    report = export_model(**values)
    directory = str(values["output"])
    say_if_interrupted(lambda: f"the export is in {directory}")
    record = {"status": "published", "exit_status": 0, "output": directory, **report.to_json()}
    return CommandResult(record=record, blocks=(_make_table(report, directory),))


def _make_table(report: ExportReport, directory: str) -> Table:
    from albert_embed.pipeline.console.pairs_table import make_pairs_table

    rows: dict[str, Any] = {
        "written": directory,
        "source format": report.source_format,
        "precision": report.precision,
        "fingerprint": report.fingerprint,
    }
    proof = report.proof
    rows["compared on"] = proof.compared_on
    if proof.source_not_run is not None:
        rows["source not run"] = proof.source_not_run
    for reference, agreements in (("the source", proof.source), ("float32", proof.float32)):
        for name, agreement in agreements.items():
            rows[f"largest difference from {reference}, {name}"] = f"{agreement.largest_difference:.3g}"
            rows[f"smallest cosine with {reference}, {name}"] = f"{agreement.smallest_cosine:.6f}"
    if report.int8 is not None:
        rows["int8"] = report.int8.texts
        for name, agreement in report.int8.float32.items():
            rows[f"smallest cosine in int8 with float32, {name}"] = f"{agreement.smallest_cosine:.6f}"
    if report.accepted_errors:
        rows["accepted errors"] = "; ".join(report.accepted_errors)
    for number, note in enumerate(report.notes, 1):
        rows[f"note {number}"] = note
    return make_pairs_table("export", rows)


EXPORT = Command(
    name="export",
    description="Turn published ALBERT weights into the SavedModel that embed hosts.",
    options=OPTIONS,
    run=run_export,
)
