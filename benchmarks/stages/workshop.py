"""`Workshop`: the work folder of a run, and what all measurements need: programs, models, `embed`."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from benchmarks.process import Finished, run_process

_LIMIT_SECONDS = 900.0
TINY_HIDDEN_SIZE = 64


@dataclasses.dataclass(frozen=True, kw_only=True)
class Embedded:
    """A run of `embed` that succeeded.

    Attributes:
      finished: its process.
      manifest: what it published.
    """

    finished: Finished
    manifest: dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Workshop:
    """The work folder of a run, and its inputs.

    Attributes:
      work: an empty folder.
      corpus: the texts, one document per line.
      vocabulary: a SentencePiece model.
    """

    work: Path
    corpus: Path
    vocabulary: Path

    @property
    def tiny_model(self) -> Path:
        """The tiny model; `make_tiny_model` writes it."""
        return self.work / "tiny_model"

    def make_tiny_model(self) -> None:
        """Writes the tiny model.

        Raises:
          ProcessError: if that fails.
        """
        size, output = ("--hidden-size", str(TINY_HIDDEN_SIZE)), ("--output", str(self.tiny_model))
        self.run_program("write_tiny_model", "--vocabulary", str(self.vocabulary), *size, *output)

    def run_program(self, name: str, *arguments: str) -> Finished:
        """Runs one of `benchmarks.stages.programs`.

        Raises:
          ProcessError: if it fails.
        """
        return self.run_python("-m", f"benchmarks.stages.programs.{name}", *arguments, log=name)

    def run_python(self, *arguments: str, log: str) -> Finished:
        """Runs Python with these arguments, in a process of its own.

        Raises:
          ProcessError: if it fails.
        """
        return run_process([sys.executable, *arguments], log=self.work / f"{log}.log", limit_seconds=_LIMIT_SECONDS)

    def embed(self, name: str, corpus: Path, *arguments: str, model: Path | None = None) -> Embedded:
        """Runs `albert-embed embed` with the tiny model or another, and removes what it published.

        Raises:
          ProcessError: if it fails.
        """
        output = self.work / f"{name}.published"
        names = ("--model", str(model or self.tiny_model), "--input", str(corpus), "--output", str(output))
        try:
            finished = self.run_python("-m", "albert_embed", "embed", *names, *arguments, log=name)
            manifest = json.loads((output / "manifest.json").read_text(encoding="utf-8"))
        finally:
            shutil.rmtree(output, ignore_errors=True)
        return Embedded(finished=finished, manifest=manifest)
