"""Writes the Flex Template's metadata from the program's own options: `python deploy/dataflow/make_metadata.py`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from albert_embed.pipeline.cli.embed import EMBED
from albert_embed.pipeline.console.option import Kind, Option

FILE = Path(__file__).with_name("metadata.json")
# What a job without anybody who reads its output has no use for, and what comes after a run for which nobody waits.
_LEFT_OUT = frozenset(("--json", "--dry-run", "--no-wait", "--progress", "--compact-above"))
_PARAMETER_TYPES = {"--transform": "GCS_READ_FOLDER", "--result-file": "GCS_WRITE_FILE"}


def make_metadata() -> dict[str, Any]:
    """Makes the content of the file."""
    return {
        "name": "albert-embed",
        "description": f"{EMBED.description.split('.')[0]} with ALBERT.",
        "streaming": False,
        "parameters": [_describe(option) for option in EMBED.options if option.flag not in _LEFT_OUT],
    }


def _describe(option: Option) -> dict[str, Any]:
    note = f" Default: {option.default}." if option.default else ""
    many = " Several are separated by spaces." if option.kind is Kind.WORDS else ""
    listed = option.choices and option.kind is Kind.COMMAS
    many = f" Of {', '.join(option.choices)}." if listed else many
    described: dict[str, Any] = {
        "name": option.name,
        "label": f"{option.name.replace('_', ' ').capitalize()} ({option.flag})",
        "helpText": f"{option.help[0].upper()}{option.help[1:]}.{many}{note}",
        "isOptional": not option.required,
        "regexes": [_make_regex(option)],
    }
    if option.flag in _PARAMETER_TYPES:
        described["paramType"] = _PARAMETER_TYPES[option.flag]
    return described


def _make_regex(option: Option) -> str:
    """Makes the pattern of what the option takes."""
    if option.kind is Kind.SWITCH:
        return "^(true|false)$"
    if option.choices:
        choice = f"({'|'.join(re.escape(choice) for choice in option.choices)})"
        return f"^{choice}(,{choice})*$" if option.kind is Kind.COMMAS else f"^{choice}$"
    return {int: r"^[0-9]+$", float: r"^[0-9]+(\.[0-9]+)?$"}.get(option.type, r"^.*\S.*$")


if __name__ == "__main__":
    FILE.write_text(json.dumps(make_metadata(), indent=2) + "\n", encoding="utf-8")
