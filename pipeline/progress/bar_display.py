"""`BarDisplay`: a line at the bottom of a terminal that is drawn anew, with a bar; it is gone in the end."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TextIO

from rich.console import Console, ConsoleDimensions
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from albert_embed.pipeline.progress.display import ReadStatus
from albert_embed.pipeline.progress.status import Status

_DRAWN_PER_SECOND = 4
_MIN_BAR, _MAX_BAR = 10, 24
_GAP = "  "


class BarDisplay:
    """Draws a line, below whatever is written to standard error meanwhile.

    Args:
      stream: the terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @contextlib.contextmanager
    def show(self, read_status: ReadStatus) -> Iterator[None]:
        """Draws the status while the `with` block runs."""
        with _open_terminal(self._stream) as terminal:
            console = Console(file=terminal, force_terminal=True, highlight=False)

            def draw() -> Table:
                _fit_terminal(console)
                return draw_status(read_status(), console.width)

            with Live(
                console=console,
                get_renderable=draw,
                refresh_per_second=_DRAWN_PER_SECOND,
                transient=True,
                redirect_stdout=False,
            ):
                yield


def _fit_terminal(console: Console) -> None:
    """Makes the console as large as its own terminal; rich asks the standard streams, which may lead elsewhere."""
    with contextlib.suppress(OSError):  # a stream in memory, or no terminal
        console.size = ConsoleDimensions(*os.get_terminal_size(console.file.fileno()))


@contextlib.contextmanager
def _open_terminal(stream: TextIO) -> Iterator[TextIO]:
    """Opens the terminal once more: what is drawn does not go where libraries' own messages are caught (`quiet`)."""
    try:
        number = os.dup(stream.fileno())
    except OSError:  # a stream in memory
        yield stream
        return
    with open(number, "w", encoding=stream.encoding, errors="backslashreplace") as terminal:
        yield terminal


def draw_status(status: Status, width: int) -> Table:
    """Returns one line of at most this width; what matters least is left out where there is no room."""
    parts = [status.title, *status.parts]
    while len(parts) > 1 and len(_GAP.join(parts)) > width:
        parts.pop()
    text = Text(_GAP.join(parts), no_wrap=True, overflow="ellipsis")
    room = min(_MAX_BAR, width - len(text.plain) - len(_GAP))
    line = Table.grid(padding=(0, len(_GAP), 0, 0))
    if status.share is None or room < _MIN_BAR:
        line.add_row(text)
    else:
        line.add_row(ProgressBar(total=1.0, completed=status.share, width=room), text)
    return line
