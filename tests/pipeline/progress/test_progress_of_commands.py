"""Whole commands on a terminal, and elsewhere: what they show, and what they leave there."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipeline.progress.terminal import HIDE_CURSOR, SHOW_CURSOR, Terminal, open_terminal
from tests.tiny_model import ROOT
from tests.waiting import wait_until

LINES = 20_000
PROCESSES = ("--direct_running_mode", "multi_processing", "--direct_num_workers", "2")

pytestmark = pytest.mark.integration


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    lines = "".join(f"line {line} of many, none of them equal to another\n" for line in range(LINES))
    (tmp_path / "in.txt.gz").write_bytes(gzip.compress(lines.encode()))
    return tmp_path / "in.txt.gz"


def start(terminal: Terminal, *arguments: str, temporary: Path) -> subprocess.Popen[str]:
    """Starts the program with its standard error on a terminal, and standard output in a pipe."""
    temporary.mkdir()
    environment = {**os.environ, "TERM": "xterm", "TMPDIR": str(temporary)}
    environment.pop("NO_COLOR", None)
    return subprocess.Popen(
        [sys.executable, "-m", "albert_embed", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=terminal.program,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.parametrize("flags", [(), PROCESSES], ids=["in-process", "processes"])
def test_embed_with_json_on_a_terminal(tiny_model: Path, corpus: Path, tmp_path: Path, flags: tuple[str, ...]) -> None:
    names = ("--model", str(tiny_model), "--input", str(corpus), "--output", str(tmp_path / "out"))
    with open_terminal(120) as terminal:
        process = start(terminal, "embed", *names, "--json", *flags, temporary=tmp_path / "temporary")
        printed, _ = process.communicate()
        terminal.close_program()
    assert process.returncode == 0, terminal.written
    (line,) = printed.splitlines()
    assert json.loads(line)["counts"]["documents"] == LINES
    shown = [text for text in terminal.drawn if "  embedding  " in text]
    # Some are seen before the end, by the counts of whatever process embeds.
    partly = [re.search(r"embedding  (\d+) %.*  ([\d,]+) documents.*  fill (\d\.\d\d)", text) for text in shown]
    assert any(0 < int(found[2].replace(",", "")) < LINES for found in partly if found)
    assert terminal.written.count(HIDE_CURSOR) == terminal.written.count(SHOW_CURSOR) == 1
    assert [line for line in terminal.lines if "embedding  " in line or "publishing  " in line] == []
    assert any(line.startswith("INFO albert_embed.pipeline.job.job: embedding ") for line in terminal.lines)
    assert list((tmp_path / "temporary").glob("albert-embed-counts-*")) == []


def test_an_interrupted_run_leaves_no_bar(tiny_model: Path, corpus: Path, tmp_path: Path) -> None:
    names = ("--model", str(tiny_model), "--input", str(corpus), "--output", str(tmp_path / "out"))
    with open_terminal(120) as terminal:
        process = start(terminal, "embed", *names, temporary=tmp_path / "temporary")
        wait_until(lambda: " documents" in terminal.written, process=process)
        process.send_signal(signal.SIGINT)
        process.communicate()
        terminal.close_program()
    assert process.returncode == 130
    assert terminal.lines[-1].startswith("albert-embed embed: interrupted by SIGINT; nothing was published; ")
    assert "Traceback" not in terminal.written and SHOW_CURSOR in terminal.written
    assert [line for line in terminal.lines if "  embedding  " in line] == []
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_failed_run_leaves_no_bar(tiny_model: Path, tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "good"}\n{"text": 5}\n')
    names = ("--model", str(tiny_model), "--input", str(source), "--output", str(tmp_path / "out"))
    with open_terminal(120) as terminal:
        process = start(terminal, "embed", *names, "--max-failures", "0", temporary=tmp_path / "temporary")
        process.communicate()
        terminal.close_program()
    assert process.returncode == 3
    assert "  embedding  " in terminal.written.replace("\x1b[0m", "")
    assert [line for line in terminal.lines if "  embedding  " in line] == []
    assert terminal.lines[-1].startswith("albert-embed embed: ")


def test_analyze_on_a_terminal_and_none(tiny_model: Path, corpus: Path, tmp_path: Path) -> None:
    names = ("--model", str(tiny_model), "--input", str(corpus))
    for mode, shows in (("auto", True), ("none", False)):
        with open_terminal(120) as terminal:
            output = ("--output", str(tmp_path / mode), "--progress", mode)
            process = start(terminal, "analyze", *names, *output, "--json", temporary=tmp_path / f"t-{mode}")
            printed, _ = process.communicate()
            terminal.close_program()
        assert process.returncode == 0, terminal.written
        assert json.loads(printed)["status"] == "published"
        assert ("analysing  " in "".join(terminal.drawn)) is shows
        assert (HIDE_CURSOR in terminal.written) is shows
