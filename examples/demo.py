"""The README's demo: embeds the sample corpus with the built-in model, searches it, and writes the report."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from albert_embed.pipeline.cli.main import main

CORPUS = Path(__file__).resolve().parent / "corpus.txt"
QUERIES = ("borrowing money to buy a home", "drugs that kill germs", "sea creatures with eight arms")


def run_demo(folder: Path) -> int:
    """Embeds into `folder/embeddings`, and runs `inspect`, `search` and `report` on that; returns the exit status."""
    output = str(folder / "embeddings")
    embed = ["embed", "--model", "default", "--input", str(CORPUS), "--output", output, "--overwrite"]
    commands = [
        [*embed, "--embeddings", "mean,pooled", "--sink", "parquet", "--keep-fields", "text"],
        ["inspect", output],
        *(["search", output, query, "-k", "3"] for query in QUERIES),
        ["report", output, "--output", str(folder / "report.html")],
    ]
    return next((status for status in map(main, commands) if status), 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder for the embeddings and the report")
    sys.exit(run_demo(parser.parse_args().folder))
