"""`wait_until`: what it waits for, and when it gives up."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests import waiting
from tests.waiting import wait_until


def test_it_waits_and_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([False, False, True])
    wait_until(lambda: next(answers))
    assert list(answers) == []
    monkeypatch.setattr(waiting, "HANGS_AFTER_SECONDS", 0.02)
    with pytest.raises(AssertionError, match="it did not happen in 0 seconds"):
        wait_until(lambda: False)


def test_a_process_that_ended_is_not_waited_for() -> None:
    with subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"]) as process:
        with pytest.raises(AssertionError, match=rf"process {process.pid} ended with 3 before it happened"):
            wait_until(lambda: False, process=process)
        wait_until(lambda: process.returncode == 3, process=process)
