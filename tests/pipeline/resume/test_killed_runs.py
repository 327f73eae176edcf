"""Runs that are killed with SIGKILL at random moments, again and again, and then let finish."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from albert_embed.pipeline.dataset.versions import read_manifest
from albert_embed.pipeline.resume.candidate_shards import list_candidates, read_candidate
from albert_embed.pipeline.resume.run_record import RunRecord
from albert_embed.pipeline.shards.shard import INDEX_PREFIX
from tests.pipeline.embed_command import assert_same_rows, embed_command, list_rows
from tests.tiny_model import CORPUS, ROOT
from tests.waiting import wait_until

pytestmark = pytest.mark.integration
KILLS = 10
FLAGS = ["--embeddings", "mean", "--sink", "tfrecord,parquet", "--batch-tokens", "256", "--shard-seconds", "0.1"]
WINDOWS = ["--max-tokens", "32", "--long-documents", "window", "--window-overlap", "4"]
PROCESSES = ["--direct_running_mode", "multi_processing", "--direct_num_workers", "2"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lines that are all different but for empty ones, and two texts that come again and again."""
    path = tmp_path_factory.mktemp("source") / "in.txt"
    lines = CORPUS.read_text(encoding="utf-8").splitlines()
    repeated = ["", "the same", "the same " * 30]
    path.write_text("\n".join(line for n in range(2) for line in [*(f"{n} {line}" for line in lines), *repeated]))
    return path


def start(model: Path, source: Path, output: Path, *more: str) -> subprocess.Popen[bytes]:
    arguments = embed_command(model, source, output, *FLAGS, *WINDOWS)
    process = subprocess.Popen(
        [sys.executable, "-m", "albert_embed", *arguments, *more],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

    def has_started() -> bool:
        records = [RunRecord.from_json(path.read_bytes()) for path in output.glob("_staging/*/run.json")]
        return any(record is not None and record.pid == process.pid for record in records)

    wait_until(has_started, process=process)
    return process


def wait_for_shard(process: subprocess.Popen[bytes], output: Path) -> None:
    """Waits until a shard is finished, or the run ends."""
    wait_until(lambda: process.poll() is not None or any(output.glob(f"_staging/*/{INDEX_PREFIX}-*")))


def count_finished(output: Path) -> int:
    """Returns how many rows are in whole shards."""
    candidates = [candidate for run in output.glob("_staging/*") for candidate in list_candidates(str(run))]
    return sum(found[0].rows for found in map(read_candidate, candidates) if found is not None)


def kill(process: subprocess.Popen[bytes]) -> bool:
    """Kills the run and its workers; whether it was still running."""
    running = process.poll() is None
    os.killpg(process.pid, signal.SIGKILL) if running else None
    process.wait()
    return running


def read_rows(output: Path) -> dict[int, dict[str, Any]]:
    """Returns the rows in the order of their ids and windows, because equal lines have equal ones."""
    return dict(enumerate(sorted(list_rows(output), key=lambda row: (row["id"], row["window"]))))


def test_the_rows_of_a_killed_run_are_those_of_an_undisturbed_one(
    tiny_model: Path, source: Path, tmp_path: Path
) -> None:
    process = start(tiny_model, source, tmp_path / "undisturbed")
    started = time.monotonic()
    wait_for_shard(process, tmp_path / "undisturbed")
    writing = time.monotonic()
    assert process.wait() == 0
    seconds = {"starting": writing - started, "writing": 0.7 * (time.monotonic() - writing)}
    expected = read_rows(tmp_path / "undisturbed")
    undisturbed = read_manifest(str(tmp_path / "undisturbed"))
    assert len(expected) > 1500 and "reused_rows" not in undisturbed.measured.counters

    generator = random.Random(20261125)
    kills = outputs = with_reuse = 0
    while kills < KILLS:
        output = tmp_path / f"out{outputs}"
        more = PROCESSES if outputs == 1 else []
        outputs += 1
        # The later ones also kill runs that use what is finished.
        for phase in ("starting", "first shard", "writing"):
            process = start(tiny_model, source, output, *more)
            if phase != "starting":
                wait_for_shard(process, output)
            # The last of the writing is the publishing, after which there is nothing to go on with.
            time.sleep(generator.uniform(0, {**seconds, "first shard": 0}[phase]))
            kills += kill(process)
            if (output / "manifest.json").exists():
                break  # it had ended, or had published and was tidying up
        finished = 0
        if not (output / "manifest.json").exists():
            finished = count_finished(output)
            assert start(tiny_model, source, output, *more).wait() == 0
            assert not (output / "_staging").exists() and not (output / "_claim.json").exists()
        manifest = read_manifest(str(output))
        assert manifest.counts == undisturbed.counts
        assert_same_rows(read_rows(output), expected)
        reused = manifest.measured.counters.get("reused_rows", 0)
        assert reused >= finished
        with_reuse += reused > 0
    assert with_reuse
