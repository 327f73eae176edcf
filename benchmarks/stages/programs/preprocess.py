"""Text to ids, step by step as `embed` does it, without Beam's runner around it, on one core."""

from __future__ import annotations

import argparse
import collections
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from albert_embed.pipeline.documents.make_documents import make_documents
from albert_embed.pipeline.documents.prepare_documents import prepare_documents
from albert_embed.pipeline.inputs.read_files import read_range
from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records
from albert_embed.pipeline.sources.text_lines import TextLines
from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.graph.saved_transform import SavedTransform
from albert_embed.transforms.graph.transform_graph import save_transform_graph
from albert_embed.transforms.rows.columns import INPUT_IDS, TOKEN_COUNT
from albert_embed.transforms.rows.windows import explode_windows
from albert_embed.transforms.text.vocabulary import load_vocabulary
from benchmarks.outcome import print_report
from benchmarks.stages.programs.one_core import Clock, use_one_core

_STEPS = ("read", "ids", "check", "graph", "windows")


def preprocess(corpus: Path, transform: SavedTransform) -> dict[str, Any]:
    """Turns all documents of `corpus` into rows, and returns how many tokens there were and what each step cost."""
    clocks: dict[str, Clock] = collections.defaultdict(Clock)
    content_tokens = kept_tokens = documents = 0
    batches = _read(corpus)
    while True:
        with clocks["read"].measure():
            lines = next(batches, None)
        if lines is None:
            break
        with clocks["ids"].measure():
            documents_read, failures = make_documents(lines, RecordFields())
        with clocks["check"].measure():
            prepared, unprepared = prepare_documents(documents_read)
        if failures := failures + unprepared:
            raise ValueError(f"the corpus holds documents that can't be embedded: {failures[0].error}")
        with clocks["graph"].measure():
            transformed = transform.apply(prepared)
        with clocks["windows"].measure():
            rows = explode_windows(transformed)
        documents += prepared.num_rows
        content_tokens += transformed.column(TOKEN_COUNT).sum().as_py()
        kept_tokens += len(rows.column(INPUT_IDS).flatten())
    return {
        "documents": documents,
        "content_tokens": content_tokens,
        "kept_tokens": kept_tokens,
        "cpu_seconds": {step: clocks[step].cpu_seconds for step in _STEPS},
        "wall_seconds": {step: clocks[step].wall_seconds for step in _STEPS},
    }


def _read(corpus: Path) -> Iterator[Records]:
    for found in read_range(FileRange(path=str(corpus), name=corpus.name), TextLines(), RecordFields()):
        if not isinstance(found, Records):
            raise ValueError(f"the corpus can't be read: {found.error}")
        yield found


def main() -> None:
    """Preprocesses the corpus that the command line names, several times over; the first time does not count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vocabulary", required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--passes", type=int, default=7)
    arguments = parser.parse_args()
    use_one_core()
    with tempfile.TemporaryDirectory() as directory:
        save_transform_graph(load_vocabulary(arguments.vocabulary), PreprocessingConfig(lower_case=True), directory)
        transform = SavedTransform(directory)
    preprocess(arguments.corpus, transform)
    passes = [preprocess(arguments.corpus, transform) for _ in range(arguments.passes)]
    counts = {name: passes[0][name] for name in ("documents", "content_tokens", "kept_tokens")}
    medians = {
        kind: {step: statistics.median(one[kind][step] for one in passes) for step in _STEPS}
        for kind in ("cpu_seconds", "wall_seconds")
    }
    totals = {kind: statistics.median(sum(one[kind].values()) for one in passes) for kind in medians}
    print_report({**counts, "passes": len(passes), "steps": medians, "totals": totals})


if __name__ == "__main__":
    main()
