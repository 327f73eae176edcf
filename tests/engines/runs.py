"""Runs of the command on another engine, and what they are compared with."""

from __future__ import annotations

import dataclasses
import gzip
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from albert_embed import read_embeddings
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.versions import read_manifest
from tests.pipeline.embed_command import embed_command
from tests.pipeline.reference import TOLERANCE
from tests.tiny_model import CORPUS, ROOT

# So that a tenth of the rows is many batches.
BATCH_TOKENS = ["--batch-tokens", "512"]
_WORDS_PER_LINE = 6


def make_lines(count: int) -> Iterator[str]:
    """Yields short lines that are all different."""
    texts = [line.split() for line in CORPUS.read_text(encoding="utf-8").splitlines()]
    for number in range(count):
        words = texts[number % len(texts)]
        start = number % max(1, len(words) - _WORDS_PER_LINE)
        yield f"{number} {' '.join(words[start : start + _WORDS_PER_LINE])}"


def write_lines(path: Path, lines: Iterator[str]) -> Path:
    """Writes lines to a file, which is compressed where it is called `.gz`."""
    content = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path


def embed_in_process(model: Path | str, source: Path | str, output: Path, *more: str) -> Path:
    """Embeds with Beam's in-process runner, to compare other runs with."""
    flags = ["--model", str(model), "--input", str(source), "--output", str(output), *BATCH_TOKENS]
    assert main(["embed", *flags, *more]) == 0
    return output


def start_embed(
    model: Path | str,
    source: Path | str,
    output: Path | str,
    *more: str,
    network: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Starts the command in a process of its own.

    Args:
      model: the model.
      source: the input.
      output: the directory to publish in.
      more: further arguments.
      network: what to put before the command, to run it in another network.
      environment: of the process; None means this one's.
    """
    arguments = embed_command(model, source, output, *BATCH_TOKENS, *more)
    return subprocess.Popen(
        [*network, sys.executable, "-m", "albert_embed", *arguments],
        cwd=ROOT,
        env=dict(os.environ if environment is None else environment) | _source_path(environment),
    )


def _source_path(environment: Mapping[str, str] | None) -> dict[str, str]:
    given = (os.environ if environment is None else environment).get("PYTHONPATH", "")
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT / "src"), given)))}


def assert_same_rows(output: Path | str, expected: Path | str) -> None:
    """Asserts that two datasets have the same counts, and the same rows in any order."""
    assert read_manifest(str(output)).counts == read_manifest(str(expected)).counts
    found, wanted = (_read_rows(str(directory)) for directory in (output, expected))
    assert [row["id"] for row in found] == [row["id"] for row in wanted]
    assert [row["input_ids"] for row in found] == [row["input_ids"] for row in wanted]
    vectors, others = (np.array([row["pooled_output"] for row in rows]) for rows in (found, wanted))
    np.testing.assert_allclose(vectors, others, atol=TOLERANCE, rtol=0)


def _read_rows(directory: str) -> list[dict[str, Any]]:
    rows = [row for batch in read_embeddings(directory) for row in batch.to_pylist()]
    return sorted(rows, key=lambda row: (row["id"], row["window"]))


@dataclasses.dataclass(frozen=True, kw_only=True)
class CountedRows:
    """Counts which process embeds how many rows (`site/sitecustomize.py`).

    Attributes:
      folder: of the counts.
    """

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What the processes need in their environment."""
        site = Path(__file__).parent / "site"
        return {"ALBERT_COUNTED_ROWS": str(self.folder), "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(site)))}

    def rows(self) -> dict[int, int]:
        """Returns the process id of each process that has embedded something → how many rows."""
        return {process: sum(rows for rows, _ in batches) for process, batches in self._read().items()}

    def forget(self) -> None:
        """Forgets what was counted so far."""
        for file in self.folder.iterdir():
            file.unlink()

    def peak_memory(self) -> int:
        """Returns the most that one of them has held, in kB."""
        return max(memory for batches in self._read().values() for _, memory in batches)

    def assert_spread(self, total: int) -> None:
        """Asserts that two processes have embedded all of `total` rows, each between 35 and 65 % of them."""
        rows = self.rows()
        assert sum(rows.values()) == total, rows
        assert len(rows) == 2 and all(0.35 * total <= count <= 0.65 * total for count in rows.values()), rows

    def _read(self) -> dict[int, list[tuple[int, int]]]:
        found = {}
        for file in self.folder.iterdir():
            lines = file.read_text().splitlines()
            found[int(file.name)] = [(int(line.split()[0]), int(line.split()[1])) for line in lines]
        return found
