"""What `embed --dry-run` shows, for people and for programs."""

from __future__ import annotations

from typing import Any

from albert_embed.pipeline.console.command import PROGRAM
from albert_embed.pipeline.console.output import CommandResult
from albert_embed.pipeline.console.pairs_table import make_pairs_table
from albert_embed.pipeline.dry_run.plan_run import DryRun

_UNKNOWN = "not known"


def describe_dry_run(found: DryRun) -> CommandResult:
    """Returns the result of the command: the plan as a table, and each problem as an error."""
    status = 2 if found.problems else 0
    record = {
        "status": "usage" if status else "ready",
        "exit_status": status,
        "problems": list(found.problems),
        "plan": found.plan,
    }
    return CommandResult(
        record=record,
        blocks=(make_pairs_table("embed --dry-run", _list_rows(found.plan)),),
        errors=tuple(f"{PROGRAM} embed: {problem}" for problem in found.problems),
    )


def _list_rows(plan: dict[str, Any]) -> dict[str, Any]:
    model, output, estimate = plan["model"], plan["output"], plan["estimate"]
    rows: dict[str, Any] = {**_describe_input(plan["input"]), "model": _UNKNOWN if model is None else model["name"]}
    if model is not None:
        rows |= {
            "  fingerprint": model["fingerprint"],
            "  of": f"{model['layers']} layers, width {model['hidden_size']}, {model['precision']}",
            "  bytes, of a batch's memory at most": f"{model['bytes']:,}, {model['batch_memory_bytes']:,}",
            "tokens per row / padded per batch, at most": f"{model['max_tokens']:,} / {model['batch_tokens']:,}",
            "batches computed at once": model["streams"],
        }
    rows |= {
        "engine": plan["engine"],
        "runner": plan["runner"],
        "embeddings": f"{', '.join(plan['embeddings'])} as {plan['encoding']}",
        "output": " and ".join(filter(None, (output["directory"], output["table"]))),
        "  written as": ", ".join(output["sinks"]),
        "  effect": output["effect"],
        **{f"--gpu sets, {number}": setting for number, setting in enumerate(plan["sets"], 1)},
        **({} if estimate is None else _describe_estimate(estimate)),
    }
    if estimate is None:
        rows["estimate"] = "none: albert-embed analyze --plan makes one from the whole input"
    return rows


def _describe_input(given: dict[str, Any] | None) -> dict[str, Any]:
    if given is None:
        return {"input": _UNKNOWN}
    rows = {"input": f"read as {given['format']}"}
    for name in ("files", "bytes", "ranges"):
        if given[name] is not None:
            rows[f"  {name}"] = given[name]
    return rows


def _describe_estimate(estimate: dict[str, Any]) -> dict[str, Any]:
    """Returns the rows about what was estimated."""
    rows = {
        "estimates, from a sample": "",
        "  documents": estimate["documents"],
        "  rows / batches": f"{estimate['rows']:,} / {estimate['batches']:,}",
        "  tokens, real / padded": f"{estimate['tokens']:,} / {estimate['padded_tokens']:,}",
        "  bytes, as TFRecord": estimate["output_bytes"],
        "  shards, at least": estimate["shards"],
    }
    if (here := estimate["here"]) is not None:
        rows["  seconds on this machine"] = here["seconds"]
        rows["  tokens / s on this machine"] = round(here["tokens_per_second"])
    return rows
