"""Draws `results.json` as bars. It runs in the peers' environment, which has Matplotlib."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # after the choice of the backend
from matplotlib.patches import Rectangle

_COLOURS = {"embed": "#1f6fb4", "step": "#5b9bd5", "model": "#a9c8e4", "peer": "#8c8c8c"}
_LABELS = {
    "embed": "this project, whole command",
    "step": "in Beam's MLTransform",
    "model": "its model alone, one batch at a time",
    "peer": "other projects",
}


def main() -> None:
    """Draws what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    results = json.loads(arguments.results.read_text(encoding="utf-8"))
    rows = [row for row in results["rows"] if row["status"] == "measured" and row["tokens_per_second"]][::-1]
    figure, axes = plt.subplots(figsize=(10, 1.5 + 0.38 * len(rows)), layout="constrained")
    rates = [row["tokens_per_second"] for row in rows]
    bars = axes.barh(
        [f"{row['title']}, {row['precision']}" for row in rows], rates, color=[_COLOURS[row["kind"]] for row in rows]
    )
    labels = [
        f"{rate:,.0f}" + (f"  ({row['ratio']:.2f}×)" if row["ratio"] is not None else "")
        for row, rate in zip(rows, rates, strict=True)
    ]
    axes.bar_label(bars, labels, padding=4, fontsize=9)
    axes.set_xlim(0, 1.25 * max(rates, default=1))
    axes.margins(y=0.01)
    axes.set_xlabel("useful tokens per second, after start-up (real tokens, no padding)")
    machine, corpus = results["machine"], results["corpus"]
    figure.suptitle(  # the axes are narrower than this line
        f"ALBERT-{results['model_size']}, {corpus['documents']:,} documents, {corpus['tokens']:,} tokens; "
        f"{machine['processor']}, {machine['cores']} cores; {results['created'][:10]}",
        fontsize=10,
    )
    axes.spines[["top", "right"]].set_visible(False)
    kinds = [kind for kind in _COLOURS if any(row["kind"] == kind for row in rows)]
    handles = [Rectangle((0, 0), 1, 1, color=_COLOURS[kind]) for kind in kinds]
    figure.legend(handles, [_LABELS[kind] for kind in kinds], loc="outside lower right", ncols=3, frameon=False)
    figure.savefig(arguments.output, dpi=150)


if __name__ == "__main__":
    main()
