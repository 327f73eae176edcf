"""`OutputDirectory`: what is refused, what is cleared, and that the manifest comes last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from apache_beam.io.filesystems import FileSystems

from albert_embed import read_embeddings
from albert_embed.pipeline.dataset.manifest import Manifest, read_manifest
from albert_embed.pipeline.dataset.output_directory import OutputDirectory
from albert_embed.pipeline.resume.run_record import RunRecord
from albert_embed.pipeline.resume.start_run import start_run
from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.shards.shard_index import read_index
from albert_embed.pipeline.storage.output_error import OutputError
from albert_embed.pipeline.storage.output_lock import LOCK_FILE
from tests.pipeline.embedded_rows import begin_run, make_formats, make_manifest, make_rows, publish_rows, write_shard


def list_files(directory: Path) -> list[str]:
    """Returns all files except the lock of a running run."""
    files = (path for path in directory.rglob("*") if path.is_file() and path != directory / LOCK_FILE)
    return sorted(str(path.relative_to(directory)) for path in files)


FINISHED = [
    "embeddings-00000-of-00001.tfrecord",
    "failures-00000-of-00001.jsonl",
    "index-00000-of-00001.parquet",
    "manifest.json",
    "schema.pbtxt",
]


@pytest.mark.parametrize("exists", [True, False])
def test_an_empty_or_new_directory_is_made_ready(tmp_path: Path, exists: bool) -> None:
    directory = tmp_path / "deep" / "out"
    if exists:
        directory.mkdir(parents=True)
    begin_run(OutputDirectory(str(directory)), overwrite=False)
    assert list_files(directory) == ["_staging/run.json"]


def test_a_finished_output_is_refused_and_left_alone(tmp_path: Path) -> None:
    output = publish_rows(tmp_path, [make_rows([2])])
    assert list_files(tmp_path) == FINISHED
    before = {name: (tmp_path / name).read_bytes() for name in FINISHED}
    with pytest.raises(OutputError) as error:
        begin_run(output, overwrite=False)
    assert str(error.value) == (
        f"{tmp_path} holds a finished output; give another --output, or --overwrite to replace it"
    )
    assert {name: (tmp_path / name).read_bytes() for name in list_files(tmp_path)} == before


@pytest.mark.parametrize("name", ["notes.txt", "deep/file", "embeddings-00000-of-00001.tfrecord"])
def test_foreign_files_are_refused_and_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(
        OutputError, match=rf"already holds something \({name}\); give an empty or new --output, or --over"
    ):
        begin_run(OutputDirectory(str(tmp_path)), overwrite=False)
    assert list_files(tmp_path) == [name]


def test_overwrite_leaves_the_old_output_until_the_new_one_is_published(tmp_path: Path) -> None:
    output = publish_rows(tmp_path, [make_rows([2])])
    (tmp_path / "notes.txt").write_text("mine")
    begin_run(output, overwrite=True)
    assert list_files(tmp_path) == ["_staging/run.json", *sorted([*FINISHED, "notes.txt"])]
    assert read_manifest(str(tmp_path)).counts.rows == 1


def test_overwriting_takes_old_shards_away_and_nothing_else(tmp_path: Path) -> None:
    publish_rows(tmp_path, [make_rows([2]), make_rows([3]), make_rows([4])])
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "embeddings-old.tfrecord").write_text("mine too")
    publish_rows(tmp_path, [make_rows([2])])
    assert list_files(tmp_path) == [
        "embeddings-g1-00000-of-00001.tfrecord",
        "embeddings-old.tfrecord",
        "failures-g1-00000-of-00001.jsonl",
        "index-g1-00000-of-00001.parquet",
        "manifest.json",
        "notes.txt",
        "schema.pbtxt",
    ]
    publish_rows(tmp_path, [make_rows([2])])
    assert read_manifest(str(tmp_path)).shards[0].path == "embeddings-g2-00000-of-00001.tfrecord"
    assert len(list_files(tmp_path)) == 7


def test_a_manifest_of_something_else_is_refused_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"of": "another program"}')
    with pytest.raises(OutputError, match=r"is not a manifest of this program: .*remove the file first"):
        begin_run(OutputDirectory(str(tmp_path)), overwrite=True)
    assert list_files(tmp_path) == ["manifest.json"]


def test_what_a_killed_run_left_is_cleared(tmp_path: Path) -> None:
    output = OutputDirectory(str(tmp_path))
    begin_run(output, overwrite=False)
    (tmp_path / "_staging" / "beam-temp").mkdir()
    (tmp_path / "_staging" / "beam-temp" / "part").write_text("half")
    # It had begun to publish.
    (tmp_path / "embeddings-00000-of-00002.tfrecord").write_text("half")
    (tmp_path / "schema.pbtxt").write_text("half")
    output.release()
    begin_run(output, overwrite=False)
    assert list_files(tmp_path) == ["_staging/run.json"]


def test_shards_that_a_killed_run_finished_stay_for_the_same_run(tmp_path: Path) -> None:
    formats = make_formats(["tfrecord", "parquet"])
    output = OutputDirectory(str(tmp_path))
    output.prepare(overwrite=False)
    start_run(output, fingerprint={"model": "m"}, retries=True)
    shard = write_shard(output.staging, make_rows([2]), formats)
    (tmp_path / "_staging" / "statistics.json").write_text("half")
    (tmp_path / "_staging" / "unfinished" / "part.tfrecord").write_text("half")
    write_shard(output.staging, make_rows([3], first=1), formats)
    half = write_shard(output.staging, make_rows([4], first=2), formats)
    (tmp_path / "_staging" / half.index_file).unlink()
    for _ in range(2):  # the run that goes on may be killed too
        output.release()
        output = OutputDirectory(str(tmp_path))
        output.prepare(overwrite=False)
        reused = start_run(output, fingerprint={"model": "m"}, retries=False)
        assert len(reused) == 2 and shard in reused
        kept = [name for finished in reused for name in finished.files]
        assert list_files(tmp_path) == sorted(f"_staging/{name}" for name in [*kept, "run.json"])
        record = RunRecord.from_json((tmp_path / "_staging" / "run.json").read_bytes())
        assert record is not None and record.retries and record.fingerprint == {"model": "m"}
    output.release()
    output.prepare(overwrite=False)
    assert start_run(output, fingerprint={"model": "n"}, retries=False) == []
    assert list_files(tmp_path) == ["_staging/run.json"]


def test_foreign_files_beside_a_killed_run_are_refused(tmp_path: Path) -> None:
    output = OutputDirectory(str(tmp_path))
    begin_run(output, overwrite=False)
    (tmp_path / "notes.txt").write_text("mine")
    output.release()
    with pytest.raises(OutputError, match=r"already holds something \(notes.txt\)"):
        begin_run(output, overwrite=False)
    assert list_files(tmp_path) == ["_staging/run.json", "notes.txt"]


def stage(directory: Path, count: int) -> tuple[OutputDirectory, Manifest]:
    """Returns an output that is ready to be published, with `count` shards in both formats, and its manifest."""
    output = OutputDirectory(str(directory))
    begin_run(output, overwrite=True)
    formats = make_formats(["tfrecord", "parquet"])
    shards = [write_shard(output.staging, make_rows([2], first=number), formats) for number in range(count)]
    (directory / "_staging" / "failures-00000-of-00001.jsonl").write_bytes(b"")
    return output, make_manifest(output, [], "float_list", shards)


def test_staged_files_are_listed_with_their_sizes(tmp_path: Path) -> None:
    output = OutputDirectory(str(tmp_path))
    begin_run(output, overwrite=True)
    for number in (2, 0, 1):
        (tmp_path / "_staging" / f"embeddings-{number}.tfrecord").write_bytes(b"x" * number)
    assert output.staged_files("embeddings-") == [
        DataFile(path=f"embeddings-{number}.tfrecord", bytes=number) for number in range(3)
    ]
    assert output.staged_files("nothing-") == []
    (tmp_path / "_staging" / "note").write_bytes(b"hello")
    assert output.read_staged("note") == b"hello"


def test_what_is_not_in_the_manifest_is_not_published(tmp_path: Path) -> None:
    """Such as what the first attempt of a bundle left that a runner ran twice."""
    output, manifest = stage(tmp_path, 1)
    write_shard(output.staging, make_rows([4, 4]), make_formats(["tfrecord", "parquet"]))
    output.publish(manifest, None)
    assert list_files(tmp_path) == [
        "embeddings-00000-of-00001.parquet",
        "embeddings-00000-of-00001.tfrecord",
        "failures-00000-of-00001.jsonl",
        "index-00000-of-00001.parquet",
        "manifest.json",
    ]


def test_the_manifest_is_published_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output, manifest = stage(tmp_path, 2)
    seen = []
    original: Any = FileSystems.rename

    def rename(sources: list[str], targets: list[str]) -> Any:
        seen.append(([Path(target).name for target in targets], list_files(tmp_path)))
        return original(sources, targets)

    monkeypatch.setattr(FileSystems, "rename", rename)
    output.publish(manifest, "schema")
    assert seen[-1][0] == ["manifest.json"]
    assert set(seen[-1][1]) >= {name for names, _ in seen[:-1] for name in names} | {"schema.pbtxt"}
    assert all("manifest.json" not in files for _, files in seen)
    assert list_files(tmp_path) == [
        "embeddings-00000-of-00002.parquet",
        "embeddings-00000-of-00002.tfrecord",
        "embeddings-00001-of-00002.parquet",
        "embeddings-00001-of-00002.tfrecord",
        "failures-00000-of-00001.jsonl",
        "index-00000-of-00002.parquet",
        "index-00001-of-00002.parquet",
        "manifest.json",
        "schema.pbtxt",
    ]
    assert (tmp_path / "schema.pbtxt").read_text() == "schema"
    published = read_manifest(str(tmp_path))
    assert [(shard.path, shard.format, shard.rows) for shard in published.shards] == [
        (f"embeddings-0000{number}-of-00002.{format_name}", format_name, 1)
        for format_name in ("tfrecord", "parquet")
        for number in range(2)
    ]
    for shard, staged in zip(published.shards, manifest.shards, strict=True):
        assert shard.bytes == staged.bytes == (tmp_path / shard.path).stat().st_size
    for number in range(2):  # what has one number is one shard
        with open(tmp_path / f"index-0000{number}-of-00002.parquet", "rb") as file:
            _, index = read_index(file)
        table = pq.read_table(tmp_path / f"embeddings-0000{number}-of-00002.parquet")
        assert [name.encode() for name in table["id"].to_pylist()] == index["id"].to_pylist()
    assert not (tmp_path / "_staging").exists()


def test_old_shards_go_only_when_the_new_manifest_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_rows(tmp_path, [make_rows([2]), make_rows([3])])
    output, manifest = stage(tmp_path, 1)
    deleted = []
    original: Any = FileSystems.delete

    def delete(paths: list[str]) -> Any:
        deleted.append(sorted(Path(path).name for path in paths))
        assert read_manifest(str(tmp_path)).generation == 1
        return original(paths)

    monkeypatch.setattr(FileSystems, "delete", delete)
    output.publish(manifest, "schema")
    assert deleted == [
        [
            "embeddings-00000-of-00002.tfrecord",
            "embeddings-00001-of-00002.tfrecord",
            "failures-00000-of-00001.jsonl",
            "index-00000-of-00002.parquet",
            "index-00001-of-00002.parquet",
        ],
        ["_staging"],
    ]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("fails_at", [0, 1])
def test_a_publication_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int, overwrite: bool
) -> None:
    if overwrite:
        publish_rows(tmp_path, [make_rows([2]), make_rows([3])])
    output, manifest = stage(tmp_path, 2)
    calls = []
    original: Any = FileSystems.rename

    def rename(sources: list[str], targets: list[str]) -> Any:
        calls.append(targets)
        if len(calls) > fails_at:
            original(sources[:1] if fails_at == 0 else [], targets[:1] if fails_at == 0 else [])
            raise OSError("the disk is gone")
        return original(sources, targets)

    with monkeypatch.context() as patch:
        patch.setattr(FileSystems, "rename", rename)
        with pytest.raises(OSError, match="the disk is gone"):
            output.publish(manifest, "schema")
    output.release()
    if overwrite:
        assert sum(batch.num_rows for batch in read_embeddings(str(tmp_path))) == 2
        with pytest.raises(OutputError, match="holds a finished output"):
            begin_run(output, overwrite=False)
    else:
        with pytest.raises(OutputError, match=r"holds no manifest.json: it is not a finished output"):
            read_manifest(str(tmp_path))
    begin_run(output, overwrite=overwrite)  # the same command again may go on
    assert [name for name in list_files(tmp_path) if name.startswith("_staging")] == ["_staging/run.json"]
    shard = write_shard(output.staging, make_rows([2]), make_formats(["tfrecord"]))
    published = output.publish(make_manifest(output, [], "float_list", [shard]), "schema")
    assert [shard.path for shard in published.shards] == [
        "embeddings-g1-00000-of-00001.tfrecord" if overwrite else "embeddings-00000-of-00001.tfrecord"
    ]
    current = [published.shards[0].path, published.index_shards[0].path]
    assert list_files(tmp_path) == sorted([*current, "manifest.json", "schema.pbtxt"])
