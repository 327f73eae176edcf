"""Runs that add to an output, killed with SIGKILL at random moments and let finish the next time."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest

from albert_embed.pipeline.dataset.inspect_output import inspect_output
from albert_embed.pipeline.dataset.versions import read_manifest
from tests.pipeline.embed_command import assert_same_rows, read_rows
from tests.pipeline.resume.test_killed_runs import kill, start
from tests.tiny_model import CORPUS

pytestmark = pytest.mark.integration
KILLS = 4
SNAPSHOT = ["--incremental", "--full-snapshot"]


def write_corpus(path: Path, version: int) -> None:
    """Writes 600 documents: a third changes with each version, and the first tenth is in the first version only."""
    lines = CORPUS.read_text(encoding="utf-8").splitlines() * 2
    texts = {number: f"{version if number % 3 == 0 else 0} {line}" for number, line in enumerate(lines)}
    kept = {number: text for number, text in texts.items() if version == 0 or number >= 60}
    path.write_text("\n".join(json.dumps({"id": str(number), "text": text}) for number, text in kept.items()))


def test_a_killed_run_leaves_the_version_before_and_the_next_one_finishes(tiny_model: Path, tmp_path: Path) -> None:
    source, output, fresh = tmp_path / "in.jsonl", tmp_path / "out", tmp_path / "fresh"
    write_corpus(source, 0)
    process = start(tiny_model, source, output, *SNAPSHOT)
    started = time.monotonic()
    assert process.wait() == 0
    seconds = time.monotonic() - started
    before, manifest = read_rows(output), read_manifest(str(output))
    write_corpus(source, 1)
    assert start(tiny_model, source, fresh).wait() == 0

    generator = random.Random(20261126)
    killed = 0
    while killed < KILLS:
        process = start(tiny_model, source, output, *SNAPSHOT)
        time.sleep(generator.uniform(0, killed) / KILLS * seconds)  # the first at once
        if not kill(process):
            break
        killed += 1
        if read_manifest(str(output)) != manifest:
            break  # killed after it had published
        assert read_rows(output) == before
    assert killed
    assert start_and_wait(tiny_model, source, output) == 0
    assert_same_rows(read_rows(output), read_rows(fresh))
    after = read_manifest(str(output))
    assert after.counts == read_manifest(str(fresh)).counts == inspect_output(str(output)).counts
    assert [entry.number for entry in after.generations] == [1, 2]
    assert not (output / "_staging").exists()


def start_and_wait(model: Path, source: Path, output: Path) -> int:
    return start(model, source, output, *SNAPSHOT).wait()
