"""`watch_run`: shows how far a run over a corpus is, whichever runner executes it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from albert_embed.pipeline.progress.display import Display, NoDisplay
from albert_embed.pipeline.progress.run_counts import RunCounts
from albert_embed.pipeline.progress.run_status import RunStatus, RunWork
from albert_embed.transforms.process.live_counts import share_counts


@contextlib.contextmanager
def watch_run(display: Display, work: RunWork) -> Iterator[RunCounts]:
    """Shows how far a run is while the `with` block starts its pipeline and waits for it.

    Args:
      display: where.
      work: what the run is to do.

    Yields:
      What reads its counts; it wants to know Beam's result of the pipeline, where there is one before the end.
    """
    if isinstance(display, NoDisplay):
        yield RunCounts("")
        return
    with share_counts() as folder:
        counts, status = RunCounts(folder), RunStatus(work)
        with display.show(lambda: status.read(counts.read(), job_state=counts.job_state)):
            yield counts
