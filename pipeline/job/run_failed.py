"""`RunFailedError`: a run failed after it had started, which is not the fault of how it was called."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class RunFailedError(RuntimeError):
    """A run failed after it had started."""


@contextlib.contextmanager
def fail_as_run() -> Iterator[None]:
    """Turns what would say that the command can't be carried out as given into a failure of the run.

    Raises:
      RunFailedError: for a ValueError or an OSError of the `with` block, such as a full disk; the cause is kept.
    """
    try:
        yield
    except (ValueError, OSError) as e:
        raise RunFailedError(f"{e} ({type(e).__name__}, after the run had started; nothing was published)") from e
