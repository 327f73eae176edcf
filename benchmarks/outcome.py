"""What a measuring program hands to the driver: its vectors in a file, and one line of JSON. It needs only NumPy."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """The vectors of every document, in the corpus's order.

    Attributes:
      mean: float32 `[documents, hidden]`, the mean over all real tokens.
      pooled: float32 `[documents, hidden]`; None where the program does not give it.
    """

    mean: np.ndarray
    pooled: np.ndarray | None = None

    def write(self, path: Path) -> None:
        """Writes it to `path`."""
        np.savez(path, **{name: value for name, value in dataclasses.asdict(self).items() if value is not None})


def read_outcome(path: Path) -> Outcome:
    """Returns the outcome that a program wrote to `path`."""
    with np.load(path) as arrays:
        return Outcome(mean=arrays["mean"], pooled=arrays.get("pooled"))


def print_report(report: Mapping[str, Any]) -> None:
    """Prints the one line of JSON that the driver collects."""
    print(json.dumps(dict(report)), flush=True)


def read_documents(corpus: Path) -> list[str]:
    """Returns the lines of a text file, without their line ends."""
    return corpus.read_text(encoding="utf-8").removesuffix("\n").split("\n")


def make_parser(description: str | None) -> argparse.ArgumentParser:
    """Returns the options that all peers' programs have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--model", type=Path, required=True, help="the model, in the form that this program loads")
    parser.add_argument("--corpus", type=Path, required=True, help="a text file with one document per line")
    parser.add_argument("--outcome", type=Path, required=True, help="where to write the vectors")
    return parser
