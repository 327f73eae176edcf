"""What is drawn on a terminal, and what is logged elsewhere."""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
from collections.abc import Iterator
from typing import TextIO

import pytest

from albert_embed.pipeline.console.log import set_up_log
from albert_embed.pipeline.progress.bar_display import BarDisplay
from albert_embed.pipeline.progress.display import LineDisplay, NoDisplay, open_display
from albert_embed.pipeline.progress.status import Status
from tests.pipeline.progress.terminal import HIDE_CURSOR, SHOW_CURSOR, Terminal, open_terminal
from tests.waiting import wait_until

STATUS = Status(
    title="embedding", figures=("1,234 documents", "5,678 tokens/s", "fill 0.97"), share=0.43, seconds_left=130
)
WORDS = "embedding  43 %  2 min 10 s left  1,234 documents  5,678 tokens/s  fill 0.97"
LINE = "embedding: 43 %, 2 min 10 s left, 1,234 documents, 5,678 tokens/s, fill 0.97"


@pytest.fixture
def quiet_log() -> Iterator[None]:
    """Removes the handlers that a test adds to the log."""
    root = logging.getLogger()
    before = list(root.handlers)
    yield
    root.handlers[:] = before


def show_on(terminal: Terminal, environment: dict[str, str] | None = None) -> None:
    """Draws STATUS until the terminal has it."""
    with open(os.dup(terminal.program), "w", encoding="utf-8") as stream:
        display = open_display("auto", stream, {"TERM": "xterm"} if environment is None else environment)
        assert isinstance(display, BarDisplay)
        with display.show(lambda: STATUS):
            wait_until(lambda: SHOW_CURSOR in terminal.written or len(terminal.drawn) > 2)
    terminal.close_program()


def test_a_bar_is_drawn_and_gone_in_the_end() -> None:
    with open_terminal() as terminal:
        show_on(terminal)
    assert terminal.drawn[0].endswith(WORDS) and "━" in terminal.drawn[0]
    assert all(len(text) <= 100 for text in terminal.drawn)
    assert terminal.written.startswith(HIDE_CURSOR) and SHOW_CURSOR in terminal.written
    assert terminal.lines == []


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (80, WORDS),
        (60, "embedding  43 %  2 min 10 s left  1,234 documents"),
        (34, "embedding  43 %  2 min 10 s left"),
        (20, "embedding  43 %"),
        (5, "embe…"),
    ],
)
def test_a_narrow_terminal_shows_what_matters_most(columns: int, words: str) -> None:
    with open_terminal(columns) as terminal:
        show_on(terminal)
    assert terminal.drawn[0].rstrip().endswith(words)
    assert max(map(len, terminal.drawn)) <= columns


def test_no_color_takes_the_colours_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with open_terminal() as terminal:
        show_on(terminal)
    assert terminal.drawn[0].endswith(WORDS)
    assert "\x1b[9" not in terminal.written and "\x1b[3" not in terminal.written


def test_lines_of_the_log_stand_above_the_bar(monkeypatch: pytest.MonkeyPatch, quiet_log: None) -> None:
    logging.getLogger().handlers.clear()
    with open_terminal() as terminal:
        with open(os.dup(terminal.program), "w", encoding="utf-8") as stream:
            monkeypatch.setattr(sys, "stderr", stream)
            set_up_log()
            with BarDisplay(stream).show(lambda: STATUS):
                wait_until(lambda: bool(terminal.drawn))
                logging.getLogger("albert_embed.a").info("first")
                logging.getLogger("other").warning("second")
                logging.getLogger("other").info("not worth reading")
            logging.getLogger("albert_embed.a").info("after the end")
        terminal.close_program()
    assert terminal.lines == [
        "INFO albert_embed.a: first",
        "WARNING other: second",
        "INFO albert_embed.a: after the end",
    ]
    assert terminal.written.count(WORDS) >= 3  # drawn anew after each


def test_a_bar_ends_with_its_command() -> None:
    with open_terminal() as terminal:
        with (
            open(os.dup(terminal.program), "w", encoding="utf-8") as stream,
            pytest.raises(KeyboardInterrupt),
            BarDisplay(stream).show(lambda: STATUS),
        ):
            raise KeyboardInterrupt
        terminal.close_program()
    assert terminal.lines == [] and SHOW_CURSOR in terminal.written
    assert [thread.name for thread in threading.enumerate() if "Refresh" in type(thread).__name__] == []


class Screen(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("mode", "stream", "environment", "display"),
    [
        ("auto", Screen(), {"TERM": "xterm"}, BarDisplay),
        ("auto", Screen(), {}, BarDisplay),
        ("auto", Screen(), {"TERM": "dumb"}, LineDisplay),
        ("auto", io.StringIO(), {"TERM": "xterm"}, LineDisplay),
        ("lines", Screen(), {"TERM": "xterm"}, LineDisplay),
        ("bar", io.StringIO(), {"TERM": "dumb"}, BarDisplay),
        ("none", Screen(), {"TERM": "xterm"}, NoDisplay),
    ],
    ids=["terminal", "no-TERM", "dumb", "file", "lines", "bar", "none"],
)
def test_which_display_is_chosen(mode: str, stream: TextIO, environment: dict[str, str], display: type) -> None:
    assert type(open_display(mode, stream, environment)) is display


def test_a_program_without_standard_error_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert type(open_display("bar")) is NoDisplay


def test_lines_come_where_something_has_changed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "albert_embed")
    statuses = [STATUS, STATUS, Status(title="publishing")]

    def read() -> Status:
        return statuses.pop(0) if len(statuses) > 1 else statuses[0]

    with LineDisplay(seconds=0.01).show(read):
        wait_until(lambda: len(caplog.messages) == 2)
    assert caplog.messages == [LINE, "publishing"]
    assert "progress" not in {thread.name for thread in threading.enumerate()}
