"""Beam's Prism runner, whose server ends when the program that has started it does."""

from __future__ import annotations

import os
import sys
from typing import Any

from apache_beam.options.pipeline_options import DebugOptions, PipelineOptions
from apache_beam.runners.portability import prism_runner
from apache_beam.runners.portability.job_server import JobServer, StopOnExitJobServer

# Linux kills the process when its parent ends, however that ends. `exec` keeps this: Prism takes the place of Python.
_RUN = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
if os.getppid() == int(sys.argv[1]):  # else the parent has ended before
    os.execv(sys.argv[2], sys.argv[2:])
"""


class PrismRunner(prism_runner.PrismRunner):
    """Beam's runner, but for the server that it starts.

    Beam stops it when the program ends by itself; if the program is killed, it would live on, and keep its memory.
    """

    def default_job_server(self, options: PipelineOptions) -> JobServer:
        """Returns the server, which is shared by the pipelines of the program."""

        def make() -> JobServer:
            return StopOnExitJobServer(_PrismJobServer(options))  # type: ignore[no-untyped-call]  # Beam's __init__

        if options.view_as(DebugOptions).lookup_experiment("disable_prism_server_singleton"):
            return make()
        shared: JobServer = prism_runner.PrismRunner.shared_handle.acquire(make)
        return shared


class _PrismJobServer(prism_runner.PrismJobServer):
    def subprocess_cmd_and_endpoint(self) -> tuple[list[Any], str]:
        command, endpoint = super().subprocess_cmd_and_endpoint()
        return die_with_this_process(command), endpoint


def die_with_this_process(command: list[Any]) -> list[Any]:
    """Returns `command` so that it is killed when this process ends; on other systems than Linux, as it is."""
    if not sys.platform.startswith("linux"):
        return command
    return [sys.executable, "-S", "-c", _RUN, str(os.getpid()), *command]
