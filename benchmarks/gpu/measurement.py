"""What the programs on the GPU's machine have in common. NumPy only."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tokens import Tokens, read_tokens
from benchmarks.weights import make_config, make_weights

_STARTED = time.perf_counter()


def say(*values: Any) -> None:
    """Prints a line with the seconds since the start."""
    print(f"[{time.perf_counter() - _STARTED:6.1f}]", *values, flush=True)


class Measurement:
    """A program's command line, its inputs, and its results, which are in the file after each of them.

    Attributes:
      folder: what `prepare` wrote.
      fields: the model's `config.json`.
      tensors: its weights, by Hugging Face's names.
      tokens: of the corpus.
      expected: `documents`, and their `mean` and `pooled` as the CPU computed them.
    """

    def __init__(self, description: str | None) -> None:
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument("--carry", type=Path, required=True, help="what benchmarks.gpu.prepare wrote")
        parser.add_argument("--output", type=Path, required=True, help="a JSON file")
        parser.add_argument("--documents", type=int, help="only the first ones, to try the program on a CPU")
        parser.add_argument("--size", type=int, help="tokens of a batch, to try the program on a CPU")
        parser.add_argument("--repeats", type=int, default=5)
        self.options = parser.parse_args()
        self.folder: Path = self.options.carry
        self.fields = make_config("base", 30_000)
        self.tensors = make_weights(self.fields)
        self.tokens = read_tokens(self.folder / "tokens.npz")
        self.expected = dict(np.load(self.folder / "expected.npz"))
        if self.options.documents:
            splits = self.tokens.splits[: self.options.documents + 1]
            self.tokens = Tokens(self.tokens.ids[: splits[-1]], splits)
            known = self.expected["documents"] < self.options.documents
            self.expected = {name: values[known] for name, values in self.expected.items()}
        self.results: dict[str, Any] = {}

    def median_seconds(self, call: Callable[[], Any]) -> float:
        """Returns the median seconds of `call`, which waits for the device, after one to warm up."""
        call()
        seconds = []
        for _ in range(self.options.repeats):
            started = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - started)
        return statistics.median(seconds)

    def record(self, name: str, seconds: float, tokens: float, flops: float, **more: Any) -> None:
        """Notes and prints a rate."""
        self.results[name] = {"tokens_per_second": tokens / seconds, "flops_per_second": flops / seconds, **more}
        say(f"{name:52s} {tokens / seconds / 1e6:7.3f} M tokens/s {flops / seconds / 1e12:6.1f} TFLOP/s", more or "")
        self.write()

    def write(self) -> None:
        """Writes the results so far."""
        self.options.output.write_text(json.dumps(self.results, indent=1), encoding="utf-8")


def matmul_shapes(fields: dict[str, Any]) -> Sequence[tuple[int, int]]:
    """Returns `(inputs, outputs)` of a layer's multiplications."""
    hidden, intermediate = fields["hidden_size"], fields["intermediate_size"]
    return [(hidden, 3 * hidden), (hidden, hidden), (hidden, intermediate), (intermediate, hidden)]
