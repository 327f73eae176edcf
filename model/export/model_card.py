"""The model card of an export: what it was made from, and how it compares."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from albert_embed.model.architecture.agreement import Agreement
from albert_embed.model.published.trained_dimensions import CARD_FILE

if TYPE_CHECKING:
    from albert_embed.model.export.export import ExportReport

_LICENSE_FILES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "COPYING")
_FRONT_MATTER = re.compile(r"\A---\r?\n(.*?)\r?\n---\s*$", re.DOTALL | re.MULTILINE)
_LICENSE_LINE = re.compile(r"^license:[ \t]*(\S.*?)[ \t]*\r?$", re.MULTILINE)


def find_license(directory: Path) -> str | None:
    """Finds the licence of a published model: the `license` of its own card, else the first line of its licence file.

    Source of the card's form: Hugging Face Hub, "Model Cards", the YAML at the top of `README.md`.
    """
    card = directory / CARD_FILE
    if card.is_file():
        front_matter = _FRONT_MATTER.search(card.read_text(encoding="utf-8", errors="replace"))
        license_line = _LICENSE_LINE.search(front_matter[1]) if front_matter else None
        if license_line:
            return license_line[1].strip("'\"")
    for name in _LICENSE_FILES:
        if (directory / name).is_file():
            lines = (directory / name).read_text(encoding="utf-8", errors="replace").splitlines()
            return next((line.strip() for line in lines if line.strip()), None)
    return None


def write_model_card(directory: Path, report: ExportReport) -> None:
    """Writes the card to `directory`."""
    (directory / CARD_FILE).write_text(format_model_card(report), encoding="utf-8")


def format_model_card(report: ExportReport) -> str:
    """Formats the card as Markdown."""
    proof = report.proof
    facts = {
        "Source": f"`{report.source}` ({report.source_format})",
        "Licence of the source": report.license or "the source names none",
        "Precision": report.precision,
        "Text": "lower-cased" if report.lower_case else "keeps its case",
        "Pieces such as 1945,": f"as the tokenizer of {report.comma_rule} treats them",
        "Trained for vectors cut to": ", ".join(map(str, report.trained_dimensions)) or "the source names no lengths",
        "Vocabulary, SHA-256": f"`{report.vocabulary_sha256}`",
        "Fingerprint of the export": f"`{report.fingerprint}`",
        **{f"Version of {name}": version for name, version in report.versions.items()},
    }
    lines = [
        "# ALBERT, exported by albert-embed",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in facts.items()),
        "",
        "## Measured error",
        f"Compared on {proof.compared_on}.",
        "",
        "| output | compared with | smallest cosine | largest difference |",
        "|---|---|---|---|",
        *_list_agreements(proof.source, "the source's own program"),
        *_list_agreements(proof.float32, "the same weights in float32"),
        "",
    ]
    if report.int8 is not None:
        lines += [
            "These are of the SavedModel, which is in float32. OpenVINO computes with `int8/model.xml`,",
            f"{report.int8.texts}:",
            "",
            "| output | compared with | smallest cosine | largest difference |",
            "|---|---|---|---|",
            *_list_agreements(report.int8.float32, "the same weights in float32"),
            "",
        ]
    if report.notes:
        lines += ["Notes on the source:", *(f"- {note}" for note in report.notes), ""]
    if proof.source_not_run is not None:
        lines += [f"The source's own program was not run: {proof.source_not_run}.", ""]
    if report.accepted_errors:
        lines += ["Accepted with `--accept-error`:", *(f"- {error}" for error in report.accepted_errors), ""]
    lines += [
        "## Use",
        "`albert-embed embed --model DIR`, or any program that takes a SavedModel. The signature `serving_default`,",
        "the same as `tokens`, takes `input_ids`, `input_mask` and `segment_ids`, int32 `[batch, seq]`. `assets/` has",
        "the SentencePiece model and the config; `export.json` says what this page says.",
        "",
    ]
    return "\n".join(lines)


def _list_agreements(agreements: dict[str, Agreement], reference: str) -> list[str]:
    return [
        f"| `{name}` | {reference} | {agreement.smallest_cosine:.6f} | {agreement.largest_difference:.3g} |"
        for name, agreement in agreements.items()
    ]
