"""What `embed --dry-run` shows, for people and for programs."""

from __future__ import annotations

from typing import Any

from albert_embed.pipeline.console.command import PROGRAM
from albert_embed.pipeline.console.output import CommandResult
from albert_embed.pipeline.console.pairs_table import make_pairs_table
from albert_embed.pipeline.dry_run.dry_run import DryRun, Estimate, GivenInput, GivenModel

_UNKNOWN = "not known"


def describe_dry_run(found: DryRun) -> CommandResult:
    """Returns the result of the command: the plan as a table, and each problem as an error."""
    status = 2 if found.problems else 0
    record = {
        "status": "usage" if status else "ready",
        "exit_status": status,
        "problems": list(found.problems),
        "plan": found.to_dict(),
    }
    return CommandResult(
        record=record,
        blocks=(make_pairs_table("embed --dry-run", _list_rows(found)),),
        errors=tuple(f"{PROGRAM} embed: {problem}" for problem in found.problems),
    )


def _list_rows(found: DryRun) -> dict[str, Any]:
    output = found.output
    return {
        **_describe_input(found.input),
        **_describe_model(found.model),
        "engine": found.engine,
        "runner": found.runner,
        "embeddings": f"{', '.join(found.embeddings)} as {found.encoding}",
        "output": " and ".join(filter(None, (output.directory, output.table))),
        "  written as": ", ".join(output.sinks),
        "  effect": output.effect,
        **{f"--gpu sets, {number}": setting for number, setting in enumerate(found.sets, 1)},
        **_describe_estimate(found.estimate),
    }


def _describe_input(given: GivenInput | None) -> dict[str, Any]:
    if given is None:
        return {"input": _UNKNOWN}
    sizes = {"  files": given.files, "  bytes": given.bytes, "  ranges": given.ranges}
    return {
        "input": f"read as {given.format}",
        **{name: number for name, number in sizes.items() if number is not None},
    }


def _describe_model(model: GivenModel | None) -> dict[str, Any]:
    if model is None:
        return {"model": _UNKNOWN}
    return {
        "model": model.name,
        "  fingerprint": model.fingerprint,
        "  of": f"{model.layers} layers, width {model.hidden_size}, {model.precision}",
        "  bytes": model.bytes,
        "maximum tokens per row": model.max_tokens,
        "maximum padded tokens per batch": model.batch_tokens,
        "  bytes of memory for such a batch": model.batch_memory_bytes,
        "batches computed at once": model.streams,
    }


def _describe_estimate(estimate: Estimate | None) -> dict[str, Any]:
    """Returns the rows about what was estimated."""
    if estimate is None:
        return {"estimate": "none: albert-embed analyze --plan makes one from the whole input"}
    plan = estimate.plan
    rows = {
        "estimates, from a sample": "",
        "  documents": estimate.documents,
        "  rows / batches": f"{plan.rows:,} / {plan.batches:,}",
        "  tokens, real / padded": f"{plan.tokens:,} / {plan.padded_tokens:,}",
        "  bytes, as TFRecord": plan.output_bytes,
        "  shards, at least": estimate.shards,
    }
    if plan.here is not None:
        rows["  seconds on this machine"] = plan.here.seconds
        rows["  tokens / s on this machine"] = round(plan.here.tokens_per_second)
    return rows
