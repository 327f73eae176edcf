"""`Problems`: what would stop a run, collected instead of raised."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class Problems:
    """Collects what checks raise, each message once.

    Attributes:
      messages: in the order of the checks.
    """

    def __init__(self) -> None:
        self.messages: list[str] = []

    @contextlib.contextmanager
    def collect(self) -> Iterator[None]:
        """Makes a context for a check: what it raises ends it, and is kept."""
        try:
            yield
        except (ValueError, OSError) as e:
            self.add(str(e))
        except Exception as e:  # a service's client that gives up, or an engine: each library has its own
            self.add(f"a check can't be made: {type(e).__name__}: {e}")

    def add(self, message: str) -> None:
        """Adds a problem, unless it is there already."""
        if message not in self.messages:
            self.messages.append(message)
