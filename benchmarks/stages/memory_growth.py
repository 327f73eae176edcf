"""Whether memory stays flat: `embed` of the corpus, and of twenty times as many documents."""

from __future__ import annotations

from benchmarks.corpus import read_lines
from benchmarks.stages.result import Result
from benchmarks.stages.workshop import Workshop

_TIMES = 20
_GROWTH = 0.05


def measure(workshop: Workshop) -> list[Result]:
    """Measures how peak memory grows with pooled and with sequence embeddings of the tiny model.

    Raises:
      ProcessError: if a run fails.
    """
    documents = read_lines(workshop.corpus)
    small, large = workshop.work / "small.txt", workshop.work / "large.txt"
    small.write_text("\n".join(documents) + "\n", encoding="utf-8")
    with large.open("w", encoding="utf-8") as file:
        for number in range(_TIMES):
            file.writelines(f"{document} copy {number}\n" for document in documents)
    results = []
    for embeddings in ("pooled", "sequence"):
        peaks = [
            workshop.embed(f"memory-{embeddings}-{corpus.stem}", corpus, "--embeddings", embeddings).finished.peak_bytes
            for corpus in (small, large)
        ]
        growth = peaks[1] / peaks[0] - 1
        results.append(
            Result(
                what=f"peak memory, {len(documents):,} → {_TIMES * len(documents):,} documents, {embeddings}",
                target=f"≤ +{_GROWTH:.0%}",
                measured=f"{growth:+.1%} ({peaks[0] / 2**20:,.0f} → {peaks[1] / 2**20:,.0f} MiB)",
                reached=growth <= _GROWTH,
                numbers={"peak_bytes": peaks, "documents": [len(documents), _TIMES * len(documents)]},
            )
        )
    large.unlink()
    return results
