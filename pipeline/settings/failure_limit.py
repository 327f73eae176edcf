"""`check_failures`: no run is published with more failures than `--max-failures` allows."""

from __future__ import annotations

from collections.abc import Mapping

from albert_embed.pipeline.settings.share_limit import LimitExceededError, ShareLimit


class TooManyFailuresError(LimitExceededError):
    """More documents failed than `--max-failures` allows."""

    status = "too many failures"


def check_failures(limit: ShareLimit, *, documents: int, failures: Mapping[str, int], kept: str) -> None:
    """Refuses a run with too many failures.

    Args:
      limit: as a number, or as a percentage of all documents, failed ones included.
      documents: those that were embedded.
      failures: "stage: reason" → how many.
      kept: where the failures can be read.

    Raises:
      TooManyFailuresError: if there are too many; with the count, the limit and the most frequent reasons.
    """
    failed = sum(failures.values())
    total = documents + failed
    if failed > limit.allow(total):
        frequent = sorted(failures.items(), key=lambda item: (-item[1], item[0]))[:3]
        reasons = ", ".join(f"{reason} ({count:,})" for reason, count in frequent)
        raise TooManyFailuresError(
            f"{failed:,} failures, --max-failures allows {limit.describe(total)}; nothing was published. "
            f"Most frequent: {reasons}. All of them until the next run: {kept}"
        )
