"""Ctrl-C and SIGTERM: one line that says how to go on, no traceback, nothing left behind, and the next run goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from albert_embed import read_embeddings
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.console.interruption import Interruption, say_if_interrupted
from albert_embed.pipeline.dataset.versions import read_manifest
from tests.pipeline.embed_command import embed_command
from tests.tiny_model import ROOT
from tests.waiting import wait_until

LINES = 60_000


# In a process of its own: a signal that misses its handler would end the process that runs the tests.
_SIGNALLED = """
import signal
from albert_embed.pipeline.console.interruption import Interruption

def handlers():
    return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

before = handlers()
with Interruption() as interruption:
    print(interruption.happened, handlers() == before)
    try:
        signal.raise_signal(signal.SIGTERM)
    except KeyboardInterrupt:
        print(interruption.happened, interruption.name, interruption.exit_status)
print(handlers() == before)
"""


def test_a_signal_becomes_an_exception_and_the_handlers_come_back() -> None:
    finished = subprocess.run([sys.executable, "-c", _SIGNALLED], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout.splitlines() == ["False False", "True SIGTERM 143", "True"]


def test_another_thread_than_the_main_one_leaves_signals_alone() -> None:
    found = []

    def look() -> None:
        with Interruption():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGTERM)]


@pytest.mark.integration
@pytest.mark.parametrize(
    ("number", "status", "flags"),
    [
        (signal.SIGINT, 130, []),
        (signal.SIGTERM, 143, []),
        (signal.SIGINT, 130, ["--streams", "3"]),
        (signal.SIGINT, 130, ["--direct_running_mode", "multi_processing", "--direct_num_workers", "2"]),
    ],
)
def test_a_run_that_is_stopped_can_be_gone_on_with(
    tiny_model: Path, tmp_path: Path, number: signal.Signals, status: int, flags: list[str]
) -> None:
    source, output, temporary = tmp_path / "in.txt", tmp_path / "out", tmp_path / "temporary"
    source.write_text("".join(f"line {line} of many, none of them equal to another\n" for line in range(LINES)))
    temporary.mkdir()
    arguments = embed_command(tiny_model, source, output, "--json")
    arguments += ["--shard-seconds", "0.2", *flags]
    process = subprocess.Popen(
        [sys.executable, "-m", "albert_embed", *arguments],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # What a shell that starts it in the background has ignored would stay ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_until(lambda: list((output / "_staging").glob("*/index-*.parquet")), process=process)
    process.send_signal(number)
    printed, said = process.communicate()
    assert process.returncode == status, said
    record = json.loads(printed)
    assert (record["status"], record["exit_status"]) == ("interrupted", status)
    assert f"interrupted by {number.name}; nothing was published; finished shards kept in {output}" in record["error"]
    assert "Traceback" not in said and said.strip().splitlines()[-1] == f"albert-embed embed: {record['error']}"
    assert list(temporary.iterdir()) == []
    assert not (output / "manifest.json").exists()
    assert main(arguments) == 0
    assert sum(batch.num_rows for batch in read_embeddings(str(output))) == LINES
    if (
        "--direct_num_workers" not in flags
    ):  # a runner of several processes may run a bundle twice, and takes only shards without repeated rows
        assert read_manifest(str(output)).measured.counters["reused_rows"] > 0


def test_a_signal_whose_exception_a_library_has_swallowed_ends_the_command_at_its_next_phase() -> None:
    with Interruption() as interruption:
        say_if_interrupted(lambda: "one is done")
        handler: Any = signal.getsignal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            handler(signal.SIGINT, None)
        with pytest.raises(KeyboardInterrupt):
            say_if_interrupted(lambda: "two is done")
        assert (interruption.happened, interruption.describe_left()) == (True, "one is done")
    say_if_interrupted(lambda: "nobody asks")  # in a program of one's own
