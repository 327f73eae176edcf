"""`embed` with a device that computes beside the processor: an engine that only waits, one batch at a time."""

from __future__ import annotations

import argparse
import json
import threading
import time
import unittest.mock
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from albert_embed.model.hosting import handler
from albert_embed.pipeline.cli.main import main as run_command
from albert_embed.transforms.rows import columns
from benchmarks.outcome import print_report

_ROWS = 40_000  # more than a batch has
_THREADS = ("--direct_running_mode", "multi_threading", "--direct_num_workers")
WAYS: dict[str, tuple[str, ...]] = {
    "one thread, each step in turn": (*_THREADS, "1"),
    "two threads of Beam's runner": (*_THREADS, "2"),
    "batches begun ahead (the default)": (),
}


class WaitingEngine:
    """Takes the time of a device of a given rate, without the processor, and returns prepared arrays.

    Args:
      hidden_size: of the model.
      tokens_per_second: padded tokens that the device computes.
    """

    name = "tensorflow"

    def __init__(self, hidden_size: int, tokens_per_second: float) -> None:
        self._values = np.random.default_rng(0).standard_normal((_ROWS, hidden_size), np.float32)
        self._tokens_per_second = tokens_per_second
        self._device = threading.Lock()
        self.seconds = 0.0

    def run(self, inputs: Mapping[str, np.ndarray], outputs: Collection[str]) -> dict[str, np.ndarray]:
        """Returns `outputs`, of which each is a vector for each row; see `model.engines.engine.Engine.run`."""
        ids = inputs[columns.INPUT_IDS]
        seconds = ids.size / self._tokens_per_second
        with self._device:
            time.sleep(seconds)
            self.seconds += seconds
        return {name: self._values[: len(ids)] for name in outputs}


def main() -> None:
    """Embeds what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--hidden-size", type=int, required=True, help="of the model")
    parser.add_argument("--tokens-per-second", type=float, required=True, help="of the device")
    parser.add_argument("--way", choices=WAYS, required=True, help="how the host works beside the device")
    arguments = parser.parse_args()
    engine = WaitingEngine(arguments.hidden_size, arguments.tokens_per_second)
    command = [
        "embed",
        *("--model", arguments.model),
        *("--input", arguments.corpus),
        *("--output", str(arguments.output)),
        *("--batch-tokens", "16384"),
        *WAYS[arguments.way],
    ]
    with unittest.mock.patch.object(handler, "load_engine", lambda *_, **__: engine):
        status = run_command(command)
    if status:
        raise SystemExit(status)
    measured = json.loads((arguments.output / "manifest.json").read_text(encoding="utf-8"))["measured"]
    print_report({"seconds": measured["pipeline_seconds"], "device_seconds": engine.seconds})


if __name__ == "__main__":
    main()
