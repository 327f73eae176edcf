"""Prism's server ends with the program that has started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.pipeline.settings.prism import PrismRunner, die_with_this_process
from albert_embed.pipeline.settings.runner import choose_runner
from tests.waiting import wait_until

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux alone ends a process with its parent")
# Starts a process that would sleep for long, prints its id, and sleeps itself.
PARENT = """
import subprocess, sys, time
sys.path[:0] = {path!r}
from albert_embed.pipeline.settings.prism import die_with_this_process
print(subprocess.Popen(die_with_this_process(["/bin/sleep", "1000"])).pid, flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize("name", ["PrismRunner", "prism"])
def test_prism_is_run_by_our_own_runner(name: str) -> None:
    assert isinstance(choose_runner(PipelineOptions(["--runner", name])), PrismRunner)


@linux
def test_a_command_runs_as_it_is() -> None:
    command = die_with_this_process(["/bin/sh", "-c", "echo $0 $1; exit 3", "a b", "c"])
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stdout) == (3, "a b c\n")


@linux
@pytest.mark.integration
def test_it_is_killed_with_its_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT.format(path=sys.path)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()

    def ended() -> bool:
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return True
        with open(f"/proc/{child}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"

    try:
        wait_until(ended)
    finally:
        if not ended():
            os.kill(child, signal.SIGKILL)
