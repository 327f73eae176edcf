"""`python -m benchmarks.stages [--output DIR]`: single stages, memory and start-up, each with its target."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.machine import describe_machine, git_commit
from benchmarks.process import REPOSITORY, ProcessError
from benchmarks.stages import (
    feed,
    giant_document,
    memory_growth,
    overlap,
    preprocessing,
    progress,
    sequence_output,
    start_up,
    streams,
    worker_processes,
)
from benchmarks.stages.report import print_results
from benchmarks.stages.result import Result, failed
from benchmarks.stages.workshop import Workshop

_SHARED = Path(os.environ.get("ALBERT_SHARED", REPOSITORY.parent / "shared"))


def make_parser(stages: Sequence[str]) -> argparse.ArgumentParser:
    """Returns the command line; `stages` are the names that `--stages` knows."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.stages",
        description="Measure single stages, memory and start-up, each in a process of its own and with its target.",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=REPOSITORY / "build" / "stages",
        metavar="DIR",
        help="folder for stages.json (default: build/stages)",
    )
    parser.add_argument("--corpus", type=Path, default=_SHARED / "corpora" / "mixed2k.txt.gz", metavar="FILE")
    parser.add_argument("--vocabulary", type=Path, default=_SHARED / "spm" / "en30k.model", metavar="FILE")
    parser.add_argument("--model", type=Path, metavar="DIR", help="an export to measure start-up and workers with")
    parser.add_argument("--stages", metavar="NAME,…", help=f"measure only these, of {', '.join(stages)}")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures all stages; the exit status is 1 where a target was missed."""
    stages: dict[str, Callable[[Workshop, Path | None], list[Result]]] = {
        "preprocessing": lambda workshop, _: preprocessing.measure(workshop),
        "sequence-output": lambda workshop, _: sequence_output.measure(workshop),
        "feed": lambda workshop, _: feed.measure(workshop),
        "overlap": lambda workshop, _: overlap.measure(workshop),
        "progress": lambda workshop, _: progress.measure(workshop),
        "start-up": start_up.measure,
        "giant-document": lambda workshop, _: giant_document.measure(workshop),
        "worker-processes": worker_processes.measure,
        "streams": streams.measure,
        "memory-growth": lambda workshop, _: memory_growth.measure(workshop),
    }
    parser = make_parser(list(stages))
    options = parser.parse_args(arguments)
    chosen = list(stages) if options.stages is None else [name.strip() for name in options.stages.split(",")]
    if unknown := sorted(set(chosen) - set(stages)):
        parser.error(f"--stages names {', '.join(unknown)}; the stages are {', '.join(stages)}")
    work = options.output.resolve() / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    workshop = Workshop(work=work, corpus=options.corpus.resolve(), vocabulary=options.vocabulary.resolve())
    model = None if options.model is None else options.model.resolve()
    console = Console(stderr=True, highlight=False)
    results = []
    try:
        workshop.make_tiny_model()
        for name in chosen:
            console.print(f"measuring: {name}")
            try:
                results += stages[name](workshop, model)
            except ProcessError as e:
                results.append(failed(name, "", e))
    except (ProcessError, OSError, ValueError) as e:
        print(f"python -m benchmarks.stages: {e}", file=sys.stderr)
        return 2
    written = {
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "corpus_file": options.corpus.name,
        "commit": git_commit(),
        "machine": describe_machine(),
        "rows": [dataclasses.asdict(result) for result in results],
    }
    file = workshop.work.parent / "stages.json"
    file.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    print_results(results)
    print(f"written: {file}")
    return 0 if all(result.reached is not False for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
