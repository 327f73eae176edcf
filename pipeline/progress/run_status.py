"""`RunStatus`: how far a run over a corpus is, by its counts."""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Callable, Mapping

from albert_embed.pipeline.progress.status import Status, describe_seconds
from albert_embed.transforms.steps import metrics

_RECENT_SECONDS = 30.0  # the tokens per second are those of the last half minute
_MIN_SECONDS = 2.0  # sooner, a rate is chance


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunWork:
    """What a run is to do.

    Attributes:
      title: what it does, such as `embedding`.
      bytes: how large its input is as it is stored; 0 where that is not known.
      compares: whether it reads its input once before, to compare it with what is published.
      embeds: whether a model computes something for each row.
    """

    title: str
    bytes: int
    compares: bool = False
    embeds: bool = True


class RunStatus:
    """Turns counts into statuses. It remembers earlier ones: rates are made of two.

    Args:
      work: of the run.
      clock: tells the seconds.
    """

    def __init__(self, work: RunWork, clock: Callable[[], float] = time.monotonic) -> None:
        self._work = work
        self._clock = clock
        self._tokens: deque[tuple[float, int]] = deque()
        self._first: tuple[float, float] | None = None  # when there was first a share, and which
        self._started = clock()

    def read(self, counts: Mapping[str, int], *, job_state: str = "") -> Status:
        """Returns the status.

        Args:
          counts: name → the sum over the processes of the run, of `transforms.steps.metrics`; what is missing is 0.
          job_state: what the runner says of its job; shown, with the time that has passed, while nothing is counted.
        """
        now = self._clock()
        if job_state and not counts:
            spent = f"{describe_seconds(now - self._started)} so far"
            return Status(title=self._work.title, figures=(f"the job is {job_state}", spent))
        if self._is_comparing(counts):
            compared = counts.get(metrics.INPUT_BYTES, 0) / self._work.bytes if self._work.bytes else None
            documents = counts.get(metrics.DOCUMENTS, 0)
            return Status(title="comparing", figures=(_count(documents, "document"),), share=compared)
        share = self._find_share(counts)
        if share == 1 and self._work.embeds:  # what comes then takes no tokens
            documents = self._count_documents(counts)
            return Status(title="publishing", figures=(_count(documents, "document"),), share=share)
        return Status(
            title=self._work.title,
            figures=tuple(self._list_figures(counts, now)),
            share=share,
            seconds_left=None if share is None else self._estimate_left(share, now),
        )

    def _is_comparing(self, counts: Mapping[str, int]) -> bool:
        """Returns whether the run still compares: nothing is embedded before it has read all."""
        return self._work.compares and not counts.get(metrics.WINDOWS) and self._read_bytes(counts) <= 0

    def _read_bytes(self, counts: Mapping[str, int]) -> int:
        """Returns how much has been read of what is embedded."""
        return counts.get(metrics.INPUT_BYTES, 0) - (self._work.bytes if self._work.compares else 0)

    def _find_share(self, counts: Mapping[str, int]) -> float | None:
        """Returns the share of the input that is done: what is read of it, less the rows that still wait."""
        if not self._work.bytes:
            return None
        read = min(1.0, max(0, self._read_bytes(counts)) / self._work.bytes)
        if not self._work.embeds:
            return read
        windows = counts.get(metrics.WINDOWS, 0)
        return read * min(1.0, counts.get(metrics.ROWS, 0) / windows) if windows else 0.0

    def _list_figures(self, counts: Mapping[str, int], now: float) -> list[str]:
        tokens, padded = counts.get(metrics.TOKENS, 0), counts.get(metrics.PADDED_TOKENS, 0)
        documents, failures = self._count_documents(counts), counts.get(metrics.FAILURES, 0)
        rate = self._find_rate(tokens, now)
        return [
            *([_count(documents, "document")] if documents else []),
            *([] if rate is None else [f"{rate:,.0f} tokens/s"]),
            *([_count(failures, "failure")] if failures else []),
            *([f"fill {tokens / padded:.2f}"] if padded else []),
        ]

    def _count_documents(self, counts: Mapping[str, int]) -> int:
        """Returns how many documents are done. What is read waits for its turn; a document may have several rows."""
        documents, windows = counts.get(metrics.DOCUMENTS, 0), counts.get(metrics.WINDOWS, 0)
        if not self._work.embeds:
            return documents
        return round(documents * min(1.0, counts.get(metrics.ROWS, 0) / windows)) if windows else 0

    def _find_rate(self, tokens: int, now: float) -> float | None:
        if not tokens:
            return None
        self._tokens.append((now, tokens))
        while len(self._tokens) > 2 and self._tokens[1][0] <= now - _RECENT_SECONDS:
            self._tokens.popleft()
        then, before = self._tokens[0]
        return (tokens - before) / (now - then) if now - then >= _MIN_SECONDS else None

    def _estimate_left(self, share: float, now: float) -> float | None:
        if not share:
            return None
        if self._first is None:
            self._first = (now, share)
        then, before = self._first
        if now - then < _MIN_SECONDS or share <= before:
            return None
        return (now - then) * (1 - share) / (share - before)


def _count(number: int, unit: str) -> str:
    return f"{number:,} {unit}{'' if number == 1 else 's'}"
