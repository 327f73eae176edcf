"""The summary that `embed` shows people at its end."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from albert_embed.pipeline.console.pairs_table import make_pairs_table
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.table_load import TableVectorIndex
from albert_embed.transforms.steps import metrics

if TYPE_CHECKING:
    from albert_embed.pipeline.console.output import Block


def make_embed_summary(manifest: Manifest, output: str, *, published: bool) -> tuple[Block, ...]:
    """Returns a table of the run, and the statements about the table's vector indexes.

    Args:
      manifest: of the output, and what this run measured.
      output: the directory, the table, or both.
      published: whether there was anything to publish.
    """
    counts, measured = manifest.counts, manifest.measured
    changes = {} if manifest.changes is None else dataclasses.asdict(manifest.changes)
    counters = measured.counters
    index = manifest.search_index if manifest.has_current_index else None
    rows: dict[str, Any] = {
        "published" if published else "unchanged": output,
        **{name.replace("_", " "): count for name, count in changes.items()},
        "documents": counts.documents,
        "rows": counts.rows,
        **({"  of a run that was cut off": reused} if (reused := counters.get(metrics.REUSED_ROWS)) else {}),
        **({"rows of documents": counts.document_rows} if counts.document_rows is not None else {}),
        "tokens": counts.tokens,
        "truncated": counts.truncated,
        **({"earlier versions kept": manifest.retain} if manifest.retain else {}),
        **({} if index is None else {"rows in the index": index.rows, "  recall@10": index.recall_at_10}),
        "failures": counts.failures,
        **{f"  {reason}": count for reason, count in manifest.failures_by_reason.items()},
        "batches": counters.get(metrics.BATCHES, 0),
        **({"compilations": compilations} if (compilations := counters.get(metrics.COMPILATIONS)) else {}),
        "fill (real / padded tokens)": "-" if measured.fill is None else f"{measured.fill:.3f}",
        "seconds, whole / pipeline": f"{measured.total_seconds:.1f} / {measured.pipeline_seconds:.1f}",
        **{f"  {stage}": f"{spent:.1f}" for stage, spent in measured.seconds_by_stage.items()},
        "documents / s": f"{measured.documents_per_second:,.1f}",
        "tokens / s": f"{measured.useful_tokens_per_second:,.0f}",
    }
    if manifest.bigquery is None:
        return (make_pairs_table("embed", rows),)
    rows["rows in the table"] = manifest.bigquery.rows
    indexes = [_describe_vector_index(index) for index in manifest.bigquery.vector_indexes]
    return (make_pairs_table("embed", rows), *indexes)


def _describe_vector_index(index: TableVectorIndex) -> str:
    """Returns the statement of a vector index, or why there is none, and an example of a search, ready to be copied."""
    if index.obstacles:
        statement = f"-- no vector index over {index.column}: {'; '.join(index.obstacles)}"
    else:
        statement = f"-- vector index over {index.column}{', made' if index.made else ''}:\n{index.statement};"
    return f"{statement}\n-- a search:\n{index.search};"
