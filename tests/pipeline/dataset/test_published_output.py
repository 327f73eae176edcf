"""A reader has one version of an output, whatever happens to the output meanwhile."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from apache_beam.io.localfilesystem import LocalFileSystem

from albert_embed import read_embeddings
from albert_embed.pipeline.dataset import published_output, versions
from albert_embed.pipeline.dataset.inspect_output import inspect_output
from albert_embed.pipeline.dataset.published_output import find_published_output
from albert_embed.pipeline.dataset.versions import read_manifest
from albert_embed.pipeline.storage.output_error import OutputError
from albert_embed.transforms.files.literal_files import FoundFile, list_files
from tests.pipeline.embed_command import list_rows
from tests.pipeline.embedded_rows import make_rows, publish_rows
from tests.tiny_model import ROOT

# Versions one after the other; in each, all rows of both shards have as many tokens as the version's number says.
_PUBLISH = """
import itertools, sys
from pathlib import Path
from tests.pipeline.embedded_rows import make_rows, publish_rows
for version in itertools.takewhile(lambda _: not Path(sys.argv[2]).exists(), itertools.count(2)):
    publish_rows(Path(sys.argv[1]), [make_rows([version] * 3), make_rows([version] * 4, first=3)])
"""


def token_counts(directory: Path) -> list[int]:
    return [len(row["input_ids"]) for row in list_rows(directory)]


def test_rows_that_were_begun_are_read_to_their_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("albert_embed.pipeline.formats.shard_file.MAX_BATCH_ROWS", 1)
    publish_rows(tmp_path, [make_rows([2, 2]), make_rows([2], first=2)])
    reading = read_embeddings(str(tmp_path))
    lengths = [len(next(reading).column("input_ids")[0])]
    publish_rows(tmp_path, [make_rows([5])])
    lengths += [len(batch.column("input_ids")[0]) for batch in reading]
    assert lengths == [2, 2, 2]
    assert token_counts(tmp_path) == [5]


def test_files_that_go_after_the_manifest_was_read_are_looked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_rows(tmp_path, [make_rows([2])])
    original: Any = read_manifest
    calls = []

    def read_and_replace(directory: str) -> Any:
        manifest = original(directory)
        calls.append(manifest.generation)
        if len(calls) == 1:
            publish_rows(tmp_path, [make_rows([3, 3])])
        return manifest

    monkeypatch.setattr(published_output, "read_manifest", read_and_replace)
    assert token_counts(tmp_path) == [3, 3]
    assert calls == [1, 2, 2]


def test_damage_is_still_damage(tmp_path: Path) -> None:
    publish_rows(tmp_path, [make_rows([2])])
    next(tmp_path.glob("tfrecord/*")).unlink()
    with pytest.raises(OutputError, match="is missing; the output was damaged after it was published"):
        token_counts(tmp_path)


def test_files_that_are_not_held_open_and_go_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published_output, "_HELD_FILES", 0)
    monkeypatch.setattr("albert_embed.pipeline.formats.shard_file.MAX_BATCH_ROWS", 1)
    publish_rows(tmp_path, [make_rows([2, 2]), make_rows([2], first=2)])
    reading = read_embeddings(str(tmp_path))
    next(reading)
    publish_rows(tmp_path, [make_rows([5])])
    with pytest.raises(OutputError, match="was replaced while it was read; read it again"):
        list(reading)


@pytest.mark.integration
def test_a_reader_in_a_loop_sees_old_or_new_and_never_a_mixture(tmp_path: Path) -> None:
    publish_rows(tmp_path, [make_rows([1] * 3), make_rows([1] * 4, first=3)])
    enough = tmp_path.with_name("enough")
    publisher = subprocess.Popen([sys.executable, "-c", _PUBLISH, str(tmp_path), str(enough)], cwd=ROOT)
    seen: list[int] = []
    try:
        while publisher.poll() is None:
            counts = token_counts(tmp_path)
            assert len(counts) == 7 and len(set(counts)) == 1
            seen.append(counts[0])
            assert inspect_output(str(tmp_path)).counts.rows == 7
            if len(seen) > 20 and len(set(seen)) > 4:
                enough.touch()
    finally:
        publisher.kill()
        status = publisher.wait()
    assert status == 0
    assert seen == sorted(seen)
    (last,) = set(token_counts(tmp_path))
    assert last >= seen[-1]
    assert read_manifest(str(tmp_path)).generation == last


def test_files_are_looked_for_by_folder_and_not_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket lists a thousand in one request."""
    publish_rows(tmp_path, [make_rows([2]), make_rows([3]), make_rows([4])], sinks=("tfrecord", "parquet"))
    listed: list[str] = []

    def watch(folder: str) -> list[FoundFile]:
        listed.append(Path(folder).name)
        return list_files(folder)

    def ask(_: object, path: str) -> None:
        raise AssertionError(f"{path} was asked about")

    with monkeypatch.context() as patched:
        patched.setattr(published_output, "list_files", watch)
        patched.setattr(LocalFileSystem, "metadata", ask)
        output = find_published_output(str(tmp_path), read_manifest(str(tmp_path)))
    assert (len(output.shards), sorted(listed)) == (3, ["_failures", "parquet", "tfrecord"])


def test_a_file_that_a_listing_lacks_is_asked_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems list new files late."""
    publish_rows(tmp_path, [make_rows([2]), make_rows([3])])
    monkeypatch.setattr(published_output, "list_files", lambda _: [])
    assert sum(batch.num_rows for batch in read_embeddings(str(tmp_path))) == 2
    shard = read_manifest(str(tmp_path)).shards[1].path
    (tmp_path / shard).unlink()
    with pytest.raises(OutputError, match=f"{shard} is missing; the output was damaged"):
        list(read_embeddings(str(tmp_path)))


def test_a_version_that_is_listed_and_can_not_be_read_is_an_error_and_no_endless_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_rows(tmp_path, [make_rows([2])])
    monkeypatch.setattr(versions, "list_versions", lambda _: [1, 2])
    with pytest.raises(OutputError, match=rf"^{tmp_path} lists _versions/2.json, which can't be read: "):
        read_manifest(str(tmp_path))


def test_quantiles_of_tokens_are_those_of_all_rows(tmp_path: Path) -> None:
    lengths = [3, 9, 4, 4, 17, 2, 5, 8, 3, 30, 2]
    publish_rows(tmp_path, [make_rows(lengths[:4]), make_rows(lengths[4:], first=4)])
    tokens = inspect_output(str(tmp_path)).tokens
    percents = {"min": 0, "p25": 25, "median": 50, "p75": 75, "p95": 95, "max": 100}
    expected = {name: float(np.percentile(lengths, percent)) for name, percent in percents.items()}
    assert tokens == pytest.approx({**expected, "mean": round(sum(lengths) / len(lengths), 2)})
