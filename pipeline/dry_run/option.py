"""`--dry-run`."""

from __future__ import annotations

from albert_embed.pipeline.console.option import Kind, Option

DRY_RUN = Option(
    flag="--dry-run",
    kind=Kind.SWITCH,
    help="check all that can be checked before a run, list every problem, say what the run would do, and write nothing",
)
