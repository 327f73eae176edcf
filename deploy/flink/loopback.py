"""A network that has only loopback: Beam's job server and Flink's workers listen on all interfaces otherwise."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator, Sequence


@contextlib.contextmanager
def open_loopback() -> Iterator[tuple[str, ...]]:
    """Makes a network of its own for as long as the block lasts.

    Yields:
      what to put before a command to run it there; nothing where the system does not allow this, which is for root
      alone. Then everything runs in the network that there is.
    """
    command = ["unshare", "--net", "sh", "-c", "ip link set lo up && echo ready && exec sleep infinity"]
    if any(shutil.which(name) is None for name in ("unshare", "nsenter", "ip")):
        yield ()
        return
    with subprocess.Popen(die_with_parent(command), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        try:
            ready = process.stdout.readline() == b"ready\n"
            yield ("nsenter", "--target", str(process.pid), "--net") if ready else ()
        finally:
            process.kill()


def die_with_parent(command: Sequence[str]) -> list[str]:
    """Returns `command` so that it is killed when the process that starts it ends, where the system can do this."""
    prefix = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
    return [*prefix, *command]
