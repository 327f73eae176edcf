"""The texts that are embedded: a text file, one document per line, whole or every tenth line of it."""

from __future__ import annotations

import gzip
from pathlib import Path

SHORT_STEP = 10


def read_lines(path: Path) -> list[str]:
    """Returns the lines of a text file (`.gz` too) without surrounding white space; empty ones are left out.

    Raises:
      ValueError: if there are none.
    """
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines = [line.strip() for line in content.decode("utf-8").split("\n")]
    documents = [line for line in lines if line]
    if not documents:
        raise ValueError(f"{path} holds no text")
    return documents


def write_corpora(source: Path, mode: str, corpus: Path, first_document: Path) -> None:
    """Writes the texts of a run to `corpus`, and the first of them alone to `first_document`.

    Args:
      source: the text file to take them from.
      mode: `full` takes all lines, `short` every tenth, the first included.
      corpus: where to write.
      first_document: where to write the corpus that start-up is measured with.
    """
    documents = read_lines(source)
    if mode == "short":
        documents = documents[::SHORT_STEP]
    corpus.write_text("\n".join(documents) + "\n", encoding="utf-8")
    first_document.write_text(documents[0] + "\n", encoding="utf-8")
