"""Reads what `embed` published, for the comparison and the counts; not part of any measurement."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.read_embeddings import read_embeddings
from albert_embed.pipeline.dataset.versions import read_manifest
from benchmarks.outcome import Outcome, print_report
from benchmarks.tokens import Tokens, read_tokens


def collect_vectors(directory: Path, manifest: Manifest, tokens: Tokens) -> Outcome:
    """Returns the vectors in the order of the corpus; documents are recognised by their token ids.

    Raises:
      ValueError: if a document of the corpus is not in the output, or the output holds others.
    """
    documents: dict[bytes, list[int]] = {}
    for number in range(len(tokens)):
        documents.setdefault(tokens[number].astype(np.int64).tobytes(), []).append(number)
    vectors = {name: np.full((len(tokens), manifest.hidden_size), np.nan, np.float32) for name in ("mean", "pooled")}
    for rows in read_embeddings(str(directory)):
        for row, ids in enumerate(rows.column("input_ids")):
            numbers = documents.get(np.asarray(ids.values, np.int64).tobytes())
            if numbers is None:
                raise ValueError(f"{directory} holds a row whose tokens are those of no document in the corpus")
            for name, values in vectors.items():
                values[numbers] = np.asarray(rows.column(f"{name}_output")[row].values)
    missing = int(np.isnan(vectors["mean"]).any(axis=1).sum())
    if missing:
        raise ValueError(f"{directory} lacks {missing} of the corpus's {len(tokens)} documents")
    return Outcome(mean=vectors["mean"], pooled=vectors["pooled"])


def main() -> None:
    """Reads the output that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="what embed published")
    parser.add_argument("--tokens", type=Path, required=True)
    parser.add_argument("--outcome", type=Path, required=True)
    arguments = parser.parse_args()
    manifest = read_manifest(str(arguments.output))
    collect_vectors(arguments.output, manifest, read_tokens(arguments.tokens)).write(arguments.outcome)
    print_report(
        {
            "padded_tokens": manifest.measured.counters["padded_tokens"],
            "measured": manifest.measured.to_dict(),
            "versions": manifest.versions,
        }
    )


if __name__ == "__main__":
    main()
