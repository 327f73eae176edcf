"""One giant document among short ones."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from pathlib import Path

from benchmarks.corpus import read_lines
from benchmarks.stages.result import Result
from benchmarks.stages.workshop import Workshop

_TEXT_BYTES = 20_000_000
_WORD_BYTES = 4_900_000  # a word of 5 MB would go to the failures
_SHORT_DOCUMENTS = 200
_PEAK_BYTES = 2.5e9


def measure(workshop: Workshop) -> list[Result]:
    """Measures failures and peak memory with 20 MB of text, truncated and in windows, and with a word of 4.9 MB.

    Raises:
      ProcessError: if a run fails.
    """
    documents = read_lines(workshop.corpus)
    short = sorted(documents, key=len)[:_SHORT_DOCUMENTS]
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    word = "".join(random.Random(0).choices(letters, k=_WORD_BYTES))
    text = _make_text(documents)
    windows = ["--long-documents", "window", "--embeddings", "mean,document"]
    return [
        _measure(workshop, "giant-text", "one document of 20 MB, words", short, text),
        _measure(workshop, "giant-windows", "the same in windows, with the document's vector", short, text, *windows),
        _measure(workshop, "giant-word", "one document of 4.9 MB, a single word", short, word),
    ]


def _make_text(documents: Sequence[str]) -> str:
    """Returns the documents, repeated until they have the size."""
    parts, size = [], 0
    for document in itertools.cycle(documents):
        parts.append(document)
        size += len(document.encode()) + 1
        if size > _TEXT_BYTES:
            break
    return " ".join(parts)


def _measure(workshop: Workshop, name: str, what: str, short: Sequence[str], giant: str, *options: str) -> Result:
    corpus = workshop.work / f"{name}.txt"
    half = len(short) // 2
    _write(corpus, [*short[:half], giant, *short[half:]])
    embedded = workshop.embed(name, corpus, *options)
    corpus.unlink()
    failures, peak = embedded.manifest["counts"]["failures"], embedded.finished.peak_bytes
    return Result(
        what=what,
        target=f"no failure, ≤ {_PEAK_BYTES / 1e9:.1f} GB",
        measured=f"{failures} failures, {peak / 1e9:.2f} GB",
        reached=failures == 0 and peak <= _PEAK_BYTES,
        numbers={"peak_bytes": peak, "seconds": embedded.finished.seconds, "counts": embedded.manifest["counts"]},
    )


def _write(path: Path, documents: Sequence[str]) -> None:
    path.write_text("\n".join(documents) + "\n", encoding="utf-8")
