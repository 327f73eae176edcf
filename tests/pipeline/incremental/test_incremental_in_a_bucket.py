"""An output that runs add to, in a bucket, against the emulator."""

from __future__ import annotations

from pathlib import Path

import pytest
from apache_beam.io.filesystems import FileSystems

from albert_embed import read_embeddings
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.inspect_output import inspect_output
from albert_embed.pipeline.dataset.versions import read_manifest
from albert_embed.pipeline.records.content_id import content_id


def write(path: str, content: bytes) -> None:
    with FileSystems.create(path) as file:
        file.write(content)


def read_ids(directory: str) -> list[bytes]:
    ids = sorted(id_ for batch in read_embeddings(directory) for id_ in batch.column("id").to_pylist())
    assert inspect_output(directory).counts == read_manifest(directory).counts
    return ids


@pytest.mark.integration
def test_runs_add_to_an_output_in_a_bucket(bucket: str, tiny_model: Path) -> None:
    output = f"{bucket}/out"
    arguments = ["embed", "--model", str(tiny_model), "--input", f"{bucket}/in.txt", "--output", output]
    write(f"{bucket}/in.txt", b"one\ntwo\nthree\n")
    assert main([*arguments, "--incremental"]) == 0
    write(f"{bucket}/in.txt", b"two\nthree\nfour\n")
    assert main([*arguments, "--incremental", "--full-snapshot", "--max-deletions", "1"]) == 0
    expected = sorted(content_id(text) for text in (b"two", b"three", b"four"))
    assert read_ids(output) == expected
    manifest = read_manifest(output)
    assert [entry.dead.rows for entry in manifest.generations] == [0, 1]
    assert {file.generation for file in manifest.shards} == {1, 2}
    assert main([*arguments, "--incremental", "--full-snapshot"]) == 0
    assert read_manifest(output) == manifest
    assert main(["compact", output]) == 0
    assert read_ids(output) == expected
    compacted = read_manifest(output)
    assert [entry.number for entry in compacted.generations] == [3] and compacted.tombstone_shards == []
    found = FileSystems.match([f"{output}/**"])[0].metadata_list
    named = {
        file.path for files in (compacted.shards, compacted.index_shards, compacted.failure_shards) for file in files
    }
    names = {file.path.removeprefix(f"{output}/") for file in found}
    assert names - named == {"manifest.json", "_schema/rows.pbtxt", "_versions/3.json"}, sorted(names - named)
    assert named <= names
