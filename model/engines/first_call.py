"""`FirstCall`: a library is called by one thread alone until a call has come back."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class FirstCall:
    """Has the calls of a process wait for the first of them that succeeds.

    What native code makes at its first call, such as pybind11's table of NumPy's functions, is made under a guard of
    C++ by whoever comes first. A second thread waits for the guard and keeps Python's lock, which the first needs: both
    hang for ever, and all of Python with them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done = False

    @contextlib.contextmanager
    def wait(self) -> Iterator[None]:
        """Runs the `with` block, alone as long as none has succeeded."""
        if self._done:
            yield
            return
        with self._lock:
            yield
            self._done = True
