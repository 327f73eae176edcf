"""What the commands print for people, with rich."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from albert_embed.model.export import ExportReport
    from albert_embed.pipeline.dataset.compact import Compaction
    from albert_embed.pipeline.dataset.inspect_output import Inspection
    from albert_embed.pipeline.dataset.manifest import Manifest


def print_run(manifest: Manifest, directory: str, *, published: bool = True) -> None:
    """The summary at the end of `embed`."""
    counts, measured = manifest.counts, manifest.measured
    counters = measured["counters"]
    seconds = measured["pipeline_seconds"]
    rows: dict[str, Any] = {
        "published" if published else "unchanged": directory,
        **{name.replace("_", " "): count for name, count in manifest.changes.items()},
        "documents": counts["documents"],
        "rows": counts["rows"],
        **({"  of a run that was cut off": reused} if (reused := counters.get("reused_rows")) else {}),
        **({"rows of documents": counts["document_rows"]} if "document_rows" in counts else {}),
        "tokens": counts["tokens"],
        "truncated": counts["truncated"],
        "failures": counts["failures"],
        **{f"  {reason}": count for reason, count in manifest.failures_by_reason.items()},
        "batches": counters.get("batches", 0),
        "fill (real / padded tokens)": "-" if measured["fill"] is None else f"{measured['fill']:.3f}",
        "seconds, whole / pipeline": f"{measured['total_seconds']:.1f} / {seconds:.1f}",
        **{f"  {stage}": f"{spent:.1f}" for stage, spent in measured["seconds_by_stage"].items()},
        "documents / s": f"{measured['documents_per_second']:,.1f}",
        "tokens / s": f"{measured['useful_tokens_per_second']:,.0f}",
    }
    if manifest.bigquery is not None:
        rows["rows in the table"] = manifest.bigquery["rows"]
    print_pairs("embed", rows)
    for index in manifest.bigquery["vector_indexes"] if manifest.bigquery is not None else ():
        _print_vector_index(index)


def _print_vector_index(index: Mapping[str, Any]) -> None:
    """The statement of a vector index, or why there is none, and the example of a search; to be copied as they are."""
    if index["obstacles"]:
        print(f"-- no vector index over {index['column']}: {'; '.join(index['obstacles'])}")
    else:
        print(f"-- vector index over {index['column']}{', made' if index['made'] else ''}:\n{index['statement']};")
    print(f"-- a search:\n{index['search']};")


def print_inspection(inspection: Inspection) -> None:
    """What `inspect` found."""
    rows: dict[str, Any] = {
        "directory": inspection.directory,
        "created": inspection.created,
        "model": inspection.model["name"],
        "precision": inspection.model["precision"],
        **inspection.counts,
        **{f"  {reason}": count for reason, count in inspection.failures.items()},
        **{f"{name} width": width for name, width in inspection.dimensions.items()},
        "encoding": inspection.encoding,
        "bytes": inspection.bytes,
        "generations": inspection.generations,
        "dead rows": inspection.dead_rows,
        **{f"tokens per row, {name}": value for name, value in inspection.tokens.items()},
    }
    print_pairs("inspect", rows)
    console = Console()
    for title, records in (("first rows", inspection.head), ("first failures", inspection.failed)):
        if records:
            console.print(f"[bold]{title}[/bold]")
            for record in records:
                console.print(escape(json.dumps(record, ensure_ascii=False)), soft_wrap=True)


def print_compaction(compaction: Compaction, directory: str) -> None:
    """What `compact` has done."""
    rows: dict[str, Any] = {
        "published" if compaction.published else "unchanged": directory,
        "generations before": len(compaction.before.generations),
        "documents": compaction.manifest.counts["documents"],
        "rows": compaction.manifest.counts["rows"],
        "bytes freed": compaction.freed_bytes,
    }
    print_pairs("compact", rows)


def print_export(report: ExportReport, directory: str) -> None:
    """What `export` wrote and how it compares."""
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
    print_pairs("export", rows)


def print_pairs(title: str, rows: Mapping[str, Any]) -> None:
    """A table of names and values."""
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(escape(name), escape(f"{value:,}" if isinstance(value, (int, float)) else str(value)))
    Console().print(table)
