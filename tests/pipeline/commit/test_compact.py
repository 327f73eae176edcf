"""`compact`: the same rows before and after, the dead ones gone; a compaction that dies leaves what was there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.commit import publish
from albert_embed.pipeline.commit.compact import compact_output
from albert_embed.pipeline.commit.transaction import Transaction
from albert_embed.pipeline.dataset.inspect_output import inspect_output
from albert_embed.pipeline.dataset.versions import read_manifest
from albert_embed.pipeline.storage.output_error import OutputError
from tests.pipeline.embed_command import list_rows
from tests.pipeline.embedded_rows import add_rows, make_rows, publish_rows
from tests.tiny_model import ROOT
from tests.waiting import wait_until


def read_rows(directory: Path) -> list[dict[str, Any]]:
    return sorted(list_rows(directory), key=lambda row: row["id"])


def list_names(directory: Path) -> set[str]:
    return {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}


def make_output(directory: Path, **how: Any) -> None:
    """Publishes three generations; some rows of the first and the second are dead."""
    publish_rows(directory, [make_rows([2, 3]), make_rows([4, 5], first=2)], failures=['{"old": 1}'], **how)
    add_rows(directory, [make_rows([7], first=1), make_rows([8], first=4)], [make_rows([3, 4], first=1)], **how)
    add_rows(directory, [make_rows([9, 6], first=1)], [make_rows([7], first=1)], **how)


@pytest.mark.parametrize(
    ("encoding", "sinks"),
    [
        ("float_list", ("tfrecord",)),
        ("float16_bytes", ("tfrecord", "parquet")),
        ("float32_bytes", ("parquet",)),
    ],
)
def test_rows_are_the_same_before_and_after(tmp_path: Path, encoding: Any, sinks: tuple[str, ...]) -> None:
    make_output(tmp_path, encoding=encoding, sinks=sinks)
    before, manifest = read_rows(tmp_path), read_manifest(str(tmp_path))
    compaction = compact_output(str(tmp_path))
    assert compaction.published and compaction.before == manifest and compaction.freed_bytes > 0
    assert read_rows(tmp_path) == before and len(before) == 5
    after = read_manifest(str(tmp_path))
    assert after == compaction.manifest and after.counts == manifest.counts == inspect_output(str(tmp_path)).counts
    assert [(entry.number, entry.counts.rows) for entry in after.generations] == [(4, 5)]
    assert after.tombstone_shards == [] and after.failure_shards == manifest.failure_shards
    assert [file.format for file in after.shards] == list(sinks)
    named = {file.path for file in (*after.shards, *after.index_shards, *after.failure_shards)}
    assert list_names(tmp_path) == named | {"manifest.json", "_schema/rows.pbtxt", "_versions/4.json"}
    # What was compacted can be added to, and compacted again: the index says the same of each row.
    add_rows(tmp_path, [make_rows([3], first=9)], [make_rows([2])], encoding=encoding, sinks=sinks)
    assert len(read_rows(tmp_path)) == 5
    compact_output(str(tmp_path))
    assert [row["id"] for row in read_rows(tmp_path)] == [b"row %d" % number for number in (1, 2, 3, 4, 9)]


def test_several_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_output(tmp_path)
    before = read_rows(tmp_path)
    monkeypatch.setattr("albert_embed.pipeline.formats.shard_file.MAX_BATCH_ROWS", 1)
    manifest = compact_output(str(tmp_path), shard_bytes=1).manifest
    assert [file.rows for file in manifest.shards] == [1] * 5 and len(manifest.index_shards) == 5
    assert read_rows(tmp_path) == before


def test_an_output_of_one_generation_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    publish_rows(tmp_path, [make_rows([2, 3])])
    before = {name: (tmp_path / name).read_bytes() for name in list_names(tmp_path)}
    assert main(["compact", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "unchanged"
    assert {name: (tmp_path / name).read_bytes() for name in list_names(tmp_path)} == before


def test_what_the_command_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_output(tmp_path)
    assert main(["compact", str(tmp_path), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["status"], result["generations"], result["counts"]["rows"]) == ("published", 3, 5)
    add_rows(tmp_path, [], [make_rows([2])])
    assert main(["compact", str(tmp_path)]) == 0
    assert "generations before" in capsys.readouterr().out


def test_all_rows_dead(tmp_path: Path) -> None:
    publish_rows(tmp_path, [make_rows([2, 3])])
    add_rows(tmp_path, [], [make_rows([2, 3])])
    assert compact_output(str(tmp_path)).manifest.shards == [] and read_rows(tmp_path) == []


def test_what_is_no_output_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compact", str(tmp_path / "none"), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"] == (
        f"OutputError: there is nothing at {tmp_path}/none; give the --output of a run of albert-embed embed"
    )
    assert not (tmp_path / "none").exists()


def test_an_output_that_is_written_to_is_refused(tmp_path: Path) -> None:
    make_output(tmp_path)
    transaction = Transaction(str(tmp_path))
    transaction.begin(overwrite=False, add=True)
    try:
        with pytest.raises(OutputError, match="is being written by another run"):
            compact_output(str(tmp_path))
    finally:
        transaction.end()
    assert compact_output(str(tmp_path)).published


def test_damage_is_noticed_and_nothing_is_published(tmp_path: Path) -> None:
    make_output(tmp_path)
    manifest = tmp_path / "_versions" / "3.json"
    fields = json.loads(manifest.read_text())
    fields["counts"]["rows"] += 1
    manifest.write_text(json.dumps(fields))
    with pytest.raises(OutputError, match=r"the data hold .*'rows': 5.*, the manifest says .*'rows': 6"):
        compact_output(str(tmp_path))
    fields["counts"]["rows"] -= 1
    fields["index_shards"][0], fields["index_shards"][1] = fields["index_shards"][1], fields["index_shards"][0]
    manifest.write_text(json.dumps(fields))
    with pytest.raises(OutputError, match=r"00001-of-00002.parquet is not the index of .*-00000-of-00002"):
        compact_output(str(tmp_path))
    assert len(read_rows(tmp_path)) == 5


@pytest.mark.parametrize(
    ("fails_at", "became"),
    [
        ("move_files", "nothing was published, and the output is as it was; run the same command again once the cause"),
        ("copy_manifest", "version 4 is published, and the next run does what is left"),
    ],
)
def test_a_file_system_that_refuses_is_a_failure_and_no_wrong_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fails_at: str, became: str
) -> None:
    make_output(tmp_path)
    before = read_rows(tmp_path)

    def fail(*_: Any) -> None:
        raise OSError("the disk is gone")

    with monkeypatch.context() as patched:
        patched.setattr(publish, fails_at, fail)
        assert main(["compact", str(tmp_path), "--json"]) == 4
    assert f"CommitFailedError: {tmp_path}: the disk is gone; {became}" in json.loads(capsys.readouterr().out)["error"]
    assert read_rows(tmp_path) == before and "_staging" not in os.listdir(tmp_path)


# Stops at the third shard, so that the kill comes while there is one to finish.
_COMPACT_SLOWLY = """
import sys, time
from albert_embed.pipeline.commit.compact import compact_output
from albert_embed.pipeline.formats import shard_file
from albert_embed.pipeline.writers.shard_writer import ShardWriter
shard_file.MAX_BATCH_ROWS = 1
finish, finished = ShardWriter.finish, []
def finish_two(self):
    if len(finished) == 2:
        time.sleep(3600)
    finished.append(self)
    return finish(self)
ShardWriter.finish = finish_two
compact_output(sys.argv[1], shard_bytes=1)
"""


@pytest.mark.integration
def test_a_killed_compaction_leaves_what_was_there(tmp_path: Path) -> None:
    make_output(tmp_path)
    before = read_rows(tmp_path)
    process = subprocess.Popen([sys.executable, "-c", _COMPACT_SLOWLY, str(tmp_path)], cwd=ROOT)
    try:
        wait_until(lambda: len(list((tmp_path / "_staging").glob("*/index-*"))) >= 2, process=process)
    finally:
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert read_rows(tmp_path) == before and "_staging" in os.listdir(tmp_path)
    assert compact_output(str(tmp_path)).published
    assert read_rows(tmp_path) == before and "_staging" not in os.listdir(tmp_path)
