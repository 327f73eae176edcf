"""A terminal of a test: a pseudo-terminal that keeps what is written to it, and shows what a person would see."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import termios
import threading
from collections.abc import Iterator

from tests.waiting import HANGS_AFTER_SECONDS

_CONTROL = re.compile(r"\x1b\[[?0-9;]*[A-Za-z]")
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


class Terminal:
    """Reads what is written to a pseudo-terminal.

    Args:
      main: the end that a terminal's window has.
      program: the end that the program has.
    """

    def __init__(self, main: int, program: int) -> None:
        self._main = main
        self.program = program
        self._written = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def press(self, keys: bytes) -> None:
        """Types."""
        os.write(self._main, keys)

    def close_program(self) -> None:
        """Closes this process's copy of the program's end, and waits until the program has closed its own."""
        os.close(self.program)
        self._thread.join(timeout=HANGS_AFTER_SECONDS)

    @property
    def written(self) -> str:
        """All that was written so far."""
        return self._written.decode()

    @property
    def drawn(self) -> list[str]:
        """Each text that ever stood in a line, without colours."""
        return [text for text in re.split(r"[\r\n]+", _CONTROL.sub("", self.written)) if text]

    @property
    def lines(self) -> list[str]:
        """The lines that stand there in the end, but for empty ones: the cursor goes up, and lines are erased."""
        lines, row, column = [""], 0, 0
        for piece in re.findall(r"\x1b\[[?0-9;]*[A-Za-z]|.", self.written, re.DOTALL):
            if piece == "\r":
                column = 0
            elif piece == "\n":
                row += 1
                lines += [""] * (row == len(lines))
            elif piece == "\x1b[2K":
                lines[row] = ""
            elif up := re.fullmatch(r"\x1b\[(\d*)A", piece):
                row -= int(up[1] or 1)
            elif not piece.startswith("\x1b"):
                lines[row] = lines[row][:column].ljust(column) + piece + lines[row][column + 1 :]
                column += 1
        return [line.rstrip() for line in lines if line.strip()]

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # Linux gives an error at the end
            while block := os.read(self._main, 1 << 16):
                self._written += block


@contextlib.contextmanager
def open_terminal(columns: int = 100) -> Iterator[Terminal]:
    """Opens a terminal of this width."""
    main, program = pty.openpty()
    fcntl.ioctl(program, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    try:
        yield Terminal(main, program)
    finally:
        with contextlib.suppress(OSError):
            os.close(program)
        os.close(main)
