"""`OutputLock`: keeps a second run out of an output that one is writing to, and forgets a run that died."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import socket
import threading
import time
from typing import Any

from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.storage.output_error import OutputError
from albert_embed.transforms.directories import is_remote

logger = logging.getLogger(__name__)

LOCK_FILE = "_lock"
_BEAT_SECONDS = 20.0
_DEAD_AFTER_SECONDS = 120.0


class OutputLock:
    """The lock of one output, taken until it is released or the process ends.

    On a local file system it is a `flock`, which the operating system releases when the process dies, however it dies.
    Anywhere else it is a file that a thread renews every 20 seconds; one that was not renewed for two minutes belongs
    to a dead run. There, two runs that start within the same second can both get it: through Beam, object stores have
    no operation that only one of them can win.

    Args:
      directory: the output, on any file system that Beam knows.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._path = FileSystems.join(directory, LOCK_FILE)
        self._descriptor: int | None = None
        self._stopped: threading.Event | None = None
        self._thread: threading.Thread | None = None
        self._owner = {"host": socket.gethostname(), "pid": os.getpid(), "started": time.time()}

    def acquire(self) -> None:
        """Takes the lock.

        Raises:
          OutputError: if a run that is alive holds it; the message says which.
        """
        if is_remote(self._directory):
            self._acquire_remote()
        else:
            self._acquire_local()

    def release(self) -> None:
        """Releases the lock and removes its file; nothing happens where it is not held."""
        if self._descriptor is not None:
            os.unlink(self._path)
            os.close(self._descriptor)
            self._descriptor = None
        if self._stopped is not None and self._thread is not None:
            self._stopped.set()
            self._thread.join()
            self._stopped = self._thread = None
            FileSystems.delete([self._path])

    def _acquire_local(self) -> None:
        os.makedirs(self._directory, exist_ok=True)
        while True:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as e:
                holder = os.read(descriptor, 1000)
                os.close(descriptor)
                raise self._refuse(holder) from e
            # The run before may have removed the file between the two calls: then this lock is of no file.
            if self._is_in_place(descriptor):
                break
            os.close(descriptor)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(self._owner).encode())
        self._descriptor = descriptor

    def _is_in_place(self, descriptor: int) -> bool:
        try:
            return os.stat(self._path).st_ino == os.fstat(descriptor).st_ino
        except FileNotFoundError:
            return False

    def _acquire_remote(self) -> None:
        if FileSystems.exists(self._path):
            with FileSystems.open(self._path) as file:
                holder = file.read()
            if time.time() - _parse(holder).get("renewed", 0.0) < _DEAD_AFTER_SECONDS:
                raise self._refuse(holder)
        self._renew()
        stopped = threading.Event()
        self._thread = threading.Thread(target=self._keep_renewing, args=(stopped,), name="OutputLock", daemon=True)
        self._stopped = stopped
        self._thread.start()

    def _keep_renewing(self, stopped: threading.Event) -> None:
        while not stopped.wait(_BEAT_SECONDS):
            try:
                self._renew()
            except Exception:  # if it lasts, the run's own writes fail; a later renewal may succeed
                logger.warning("could not renew the lock %s", self._path, exc_info=True)

    def _renew(self) -> None:
        with FileSystems.create(self._path, mime_type="application/json") as file:
            file.write(json.dumps({**self._owner, "renewed": time.time()}).encode())

    def _refuse(self, holder: bytes) -> OutputError:
        owner = _parse(holder)
        who = f"process {owner['pid']} on {owner['host']}" if {"pid", "host"} <= owner.keys() else "another process"
        return OutputError(
            f"{self._directory} is being written by another run ({who}); wait for it to end, or give another --output"
        )


def _parse(holder: bytes) -> dict[str, Any]:
    """Returns what a lock's file says; nothing where it is only partly written."""
    try:
        owner = json.loads(holder)
    except ValueError:
        return {}
    return owner if isinstance(owner, dict) else {}
