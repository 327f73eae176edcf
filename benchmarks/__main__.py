"""`python -m benchmarks --mode short|full --output DIR`: measures everything side by side. See README.md."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.measurement import Benchmark
from benchmarks.peers_environment import OPENVINO_PEERS, PEERS, default_peers_python, make_peers_environment
from benchmarks.places import Places
from benchmarks.preparation import prepare
from benchmarks.process import REPOSITORY, ProcessError, run_process
from benchmarks.report import print_table
from benchmarks.results import make_results
from benchmarks.rows import OPENVINO_INT8_PEER, Row, make_rows
from benchmarks.tokens import read_tokens
from benchmarks.weights import SIZES

_SHARED = Path(os.environ.get("ALBERT_SHARED", REPOSITORY.parent / "shared"))
_ROUNDS = {"short": 1, "full": 2}
_LIMIT_SECONDS = {"short": 600.0, "full": 3600.0}


def make_parser() -> argparse.ArgumentParser:
    """Returns the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure this project and what a user would pick instead, on the same weights and texts.",
    )
    parser.add_argument("--mode", choices=sorted(_ROUNDS), required=True, help="every tenth document, or all")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="gets results.json and results.png")
    parser.add_argument("--corpus", type=Path, default=_SHARED / "corpora" / "mixed2k.txt.gz", metavar="FILE")
    parser.add_argument("--vocabulary", type=Path, default=_SHARED / "spm" / "en30k.model", metavar="FILE")
    parser.add_argument("--model-size", choices=sorted(SIZES), default="base")
    parser.add_argument("--rows", metavar="KEY,…", help="measure only these rows; ratios are to the first of them")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of measurement (default: short 1, full 2)")
    parser.add_argument("--limit", type=float, metavar="SECONDS", help="process limit (default: short 600, full 3600)")
    parser.add_argument("--peers-python", type=Path, metavar="FILE", help="an interpreter that has the peers installed")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; the exit status is 1 where a row's embeddings differ from the first row's."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    rounds = _ROUNDS[options.mode] if options.rounds is None else options.rounds
    if rounds < 1:
        parser.error(f"--rounds must be at least 1, not {rounds}")
    output = options.output.resolve()
    # Neither path is resolved: Python recognises an environment by the path that its interpreter is called by.
    peers_python = default_peers_python(PEERS) if options.peers_python is None else options.peers_python.absolute()
    openvino_peers_python = default_peers_python(OPENVINO_PEERS)
    places = Places(output / "work", sys.executable, str(peers_python), str(openvino_peers_python))
    try:
        rows = _choose_rows(make_rows(places), options.rows)
    except ValueError as e:
        parser.error(str(e))
    if options.peers_python is None:
        make_peers_environment(peers_python, PEERS)
    quantized_peer = any(row.key == OPENVINO_INT8_PEER for row in rows)
    if quantized_peer:
        make_peers_environment(openvino_peers_python, OPENVINO_PEERS)
    console = Console(stderr=True, highlight=False)
    try:
        prepare(
            places,
            corpus=options.corpus,
            mode=options.mode,
            vocabulary=options.vocabulary,
            size=options.model_size,
            with_peers=any(row.kind == "peer" for row in rows),
            with_int8=any(row.kind != "peer" and row.precision == "int8" and not row.missing for row in rows),
            with_openvino_sentences=quantized_peer,
            say=console.print,
        )
        benchmark = Benchmark(
            places,
            read_tokens(places.tokens),
            _LIMIT_SECONDS[options.mode] if options.limit is None else options.limit,
            console.print,
        )
        for number, (measurements, matmul) in enumerate(benchmark.run(rows, rounds), start=1):
            description = {
                "mode": options.mode,
                "model_size": options.model_size,
                "corpus_file": options.corpus.name,
                "rounds": number,
                "peers": _list_packages(places.peers_python),
            }
            results = make_results(measurements, matmul, places, description=description)
            # After every round, so that the measurements are kept when a later round is cut off.
            (output / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    except (ProcessError, OSError, ValueError) as e:
        print(f"python -m benchmarks: {e}", file=sys.stderr)
        return 2
    run_process(
        [
            places.peers_python,
            *("-m", "benchmarks.peers.picture"),
            *("--results", str(output / "results.json")),
            *("--output", str(output / "results.png")),
        ],
        log=places.log("picture"),
    )
    print_table(results)
    print(f"written: {output / 'results.json'}, {output / 'results.png'}")
    return 1 if any(row["status"] == "wrong" for row in results["rows"]) else 0


def _choose_rows(rows: list[Row], keys: str | None) -> list[Row]:
    if keys is None:
        return rows
    wanted = [key.strip() for key in keys.split(",")]
    unknown = sorted(set(wanted) - {row.key for row in rows})
    if unknown:
        raise ValueError(f"--rows names {', '.join(unknown)}; the rows are {', '.join(row.key for row in rows)}")
    return [row for row in rows if row.key in wanted]


def _list_packages(python: str) -> list[str]:
    """Returns the packages of the environment of `python`, as `name==version`."""
    listed = subprocess.run([python, "-m", "pip", "freeze"], capture_output=True, text=True, check=True)
    return listed.stdout.split("\n")[:-1]


if __name__ == "__main__":
    sys.exit(main())
