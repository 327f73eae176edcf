"""`embed --incremental` through the command line: after any runs, the rows are those of one fresh run."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from albert_embed import read_document_embeddings, read_embeddings_dataset
from albert_embed.model.hosting.handler import AlbertModelHandler
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.commit.compact import compact_output
from albert_embed.pipeline.dataset.inspect_output import inspect_output
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.read_embeddings import read_failures
from albert_embed.pipeline.dataset.versions import read_manifest
from albert_embed.pipeline.reading.read_wanted import ReadWanted
from albert_embed.pipeline.shards.data_file import DataFile
from tests.pipeline.embed_command import Rows, assert_same_rows, embed_command, read_rows

pytestmark = pytest.mark.integration

WINDOWS = ["--long-documents", "window", "--max-tokens", "24", "--window-overlap", "4"]


def write_corpus(path: Path, texts: Mapping[str, str], *more: str) -> None:
    """Writes these documents as JSON lines, and other lines as they are."""
    lines = [json.dumps({"id": key, "text": text, "size": len(text)}) for key, text in texts.items()]
    path.write_text("\n".join([*lines, *more]), encoding="utf-8")


def run(model: Path, source: Path, output: Path, *more: str, status: int = 0) -> dict[str, Any]:
    """Returns the line of JSON of one run."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        arguments = embed_command(model, source, output, "--json", *more)
        assert main(arguments) == status
    result: dict[str, Any] = json.loads(printed.getvalue())
    assert result["exit_status"] == status
    return result


def read_documents(output: Path) -> Rows:
    """Returns the rows of documents, each by its id and the window 0."""
    rows = [row for batch in read_document_embeddings(str(output)) for row in batch.to_pylist()]
    found = {(row["id"], 0): row for row in rows}
    assert len(found) == len(rows)
    return found


def read_dataset_keys(output: Path) -> list[tuple[bytes, int]]:
    dataset = read_embeddings_dataset(str(output))
    return sorted((row["id"], int(row["window"])) for row in dataset.as_numpy_iterator())


def list_all_files(output: Path) -> dict[str, Path]:
    """Returns the path of each file by its name within the output."""
    return {path.relative_to(output).as_posix(): path for path in output.rglob("*") if path.is_file()}


def assert_sound(output: Path) -> Manifest:
    """Returns the manifest, whose counts are those of the rows; and there is no file beside those it names."""
    manifest = read_manifest(str(output))
    assert inspect_output(str(output)).counts == manifest.counts
    assert read_dataset_keys(output) == sorted(read_rows(output))
    named = {
        file.path
        for files in vars(manifest).values()
        if isinstance(files, list)
        for file in files
        if isinstance(file, DataFile)
    }
    beside = ("manifest.json", f"_versions/{manifest.generation}.json", "_schema/")
    assert [name for name in list_all_files(output) if name not in named and not name.startswith(beside)] == []
    return manifest


def changes_of(result: dict[str, Any]) -> dict[str, int]:
    """Returns the counts that are not 0."""
    return {name: count for name, count in result["changes"].items() if count}


def test_any_runs_come_to_what_one_fresh_run_gives(tiny_model: Path, tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out"
    common = [*WINDOWS, "--embeddings", "pooled,mean,document"]
    common += ["--keep-fields", "size:int64", "--sink", "parquet,tfrecord"]
    texts = {
        "plain": "the house on the hill",
        "long": "one two three four five six seven eight nine ten " * 12,
        "shrinks": "a long road through the wood and back again " * 9,
        "grows": "short",
        "empty": "",
        "goes": "this one will be gone",
        "returns": "gone and back",
    }

    def check(changes: dict[str, int], *flags: str) -> Manifest:
        result = run(tiny_model, source, output, "--incremental", *common, *flags)
        assert changes_of(result) == changes
        manifest = assert_sound(output)
        fresh = tmp_path / "fresh"
        run(tiny_model, source, fresh, *common, "--overwrite")
        expected = read_rows(fresh)
        kept = {key for key in read_rows(output) if key not in expected}
        assert "--full-snapshot" not in flags or not kept
        assert_same_rows({key: row for key, row in read_rows(output).items() if key not in kept}, expected)
        documents = {key: row for key, row in read_documents(output).items() if key not in kept}
        assert_same_rows(documents, read_documents(fresh))
        assert result["counts"] == manifest.counts.to_dict()
        return manifest

    write_corpus(source, texts)
    first = check({"read": 7, "new": 7})
    assert [entry.number for entry in first.generations] == [1] and first.tombstone_shards == []

    texts["shrinks"] = "a long road"
    texts["grows"] = "short no more, it runs on and on and on and does not end where it did before " * 3
    texts["added"] = "a new one"
    gone = {name: texts.pop(name) for name in ("goes", "returns")}
    write_corpus(source, texts)
    second = check({"read": 6, "new": 1, "changed": 2, "unchanged": 3})
    assert (b"goes", 0) in read_rows(output)  # nothing is deleted unless the input is said to be whole
    assert {file.generation for file in second.shards} == {1, 2}
    assert [file.generation for file in second.tombstone_shards] == [2]
    assert second.generations[1].dead.documents == 2

    third = check({"read": 6, "unchanged": 6, "deleted": 2}, "--full-snapshot", "--max-deletions", "2")
    assert third.generations[2].counts.rows == 0 and third.generations[2].dead.documents == 2

    texts["returns"] = gone["returns"]
    write_corpus(source, texts)
    check({"read": 7, "new": 1, "unchanged": 6}, "--full-snapshot")
    texts["returns"] = "gone, back and another"
    write_corpus(source, texts)
    fifth = check({"read": 7, "changed": 1, "unchanged": 6}, "--full-snapshot")
    assert [entry.number for entry in fifth.generations] == [1, 2, 3, 4, 5]

    compacted = compact_output(str(output)).manifest
    assert compacted.tombstone_shards == [] and assert_sound(output).counts == fifth.counts
    assert {file.generation for file in compacted.document_shards} == {6}
    assert_same_rows(read_documents(output), read_documents(tmp_path / "fresh"))

    result = run(tiny_model, source, output, "--incremental", "--rebuild", *common)
    assert changes_of(result) == {"read": 7, "new": 7}
    rebuilt = assert_sound(output)
    assert [entry.number for entry in rebuilt.generations] == [7]
    assert {file.generation for file in rebuilt.shards} == {7}
    assert_same_rows(read_rows(output), read_rows(tmp_path / "fresh"))


def test_a_run_over_an_unchanged_corpus_loads_no_model_and_leaves_all_as_it_was(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source, output = tmp_path / "in.txt", tmp_path / "out"
    source.write_text("one text\nanother\n\n\none text\n")
    assert changes_of(run(tiny_model, source, output, "--incremental")) == {"read": 5, "new": 3, "repeated": 2}
    assert len(read_rows(output)) == 3  # an equal line is embedded once
    before = {name: (path.stat().st_mtime_ns, path.read_bytes()) for name, path in list_all_files(output).items()}

    def load_model(_: AlbertModelHandler) -> None:
        raise AssertionError("the model is not needed")

    monkeypatch.setattr(AlbertModelHandler, "load_model", load_model)
    again = run(tiny_model, source, output, "--incremental", "--full-snapshot")
    assert changes_of(again) == {"read": 5, "unchanged": 3, "repeated": 2}
    assert again["status"] == "unchanged" and again["counts"]["rows"] == 3
    after = {name: (path.stat().st_mtime_ns, path.read_bytes()) for name, path in list_all_files(output).items()}
    assert after == before


def test_an_output_of_a_plain_run_can_be_added_to(tiny_model: Path, tmp_path: Path) -> None:
    """Also where it holds equal documents twice, as a plain run writes them."""
    source, output = tmp_path / "in.txt", tmp_path / "out"
    source.write_text("one text\nanother\none text\n")
    run(tiny_model, source, output)
    assert read_manifest(str(output)).counts.rows == 3
    source.write_text("one text\nanother\none text\nmore\n")
    result = run(tiny_model, source, output, "--incremental")
    assert changes_of(result) == {"read": 4, "new": 1, "changed": 1, "unchanged": 1, "repeated": 1}
    assert assert_sound(output).counts.rows == 3


def test_documents_that_fail_are_tried_again_and_take_their_old_rows_with_them(
    tiny_model: Path, tmp_path: Path
) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out"
    reject = ["--incremental", "--long-documents", "reject", "--max-tokens", "24"]
    texts = {"good": "a text", "turns": "short"}
    write_corpus(source, texts, "no JSON")
    result = run(tiny_model, source, output, *reject)
    assert changes_of(result) == {"read": 2, "new": 2} and result["failures_by_reason"] == {"read: invalid JSON": 1}
    texts["turns"] = "too long for what is allowed here " * 9
    write_corpus(source, texts, "no JSON")
    result = run(tiny_model, source, output, *reject)
    assert changes_of(result) == {"read": 2, "changed": 1, "unchanged": 1}
    reasons = {"preprocess: too long": 1, "read: invalid JSON": 1}
    assert result["failures_by_reason"] == reasons
    assert {key for key, _ in read_rows(output)} == {b"good"}
    # It is not in the output, so it is new to every run.
    result = run(tiny_model, source, output, *reject)
    assert changes_of(result) == {"read": 2, "new": 1, "unchanged": 1} and result["failures_by_reason"] == reasons
    write_corpus(source, {**texts, "turns": "short"})
    result = run(tiny_model, source, output, *reject)
    assert changes_of(result) == {"read": 2, "new": 1, "unchanged": 1} and result["failures_by_reason"] == {}
    manifest = assert_sound(output)
    assert {key for key, _ in read_rows(output)} == {b"good", b"turns"}
    assert len(manifest.generations) == 3 and list(read_failures(str(output))) == []


def test_a_document_that_changes_between_the_readings_is_left_to_the_next_run(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out"
    write_corpus(source, {"a": "one", "b": "two", "c": "three"})
    run(tiny_model, source, output, "--incremental")
    write_corpus(source, {"a": "one", "b": "two now", "c": "three now"})

    start_bundle = ReadWanted.start_bundle

    def change(step: ReadWanted) -> None:
        write_corpus(source, {"a": "one later", "b": "two later", "c": "three now"})
        start_bundle(step)

    with monkeypatch.context() as patch:
        patch.setattr(ReadWanted, "start_bundle", change)
        result = run(tiny_model, source, output, "--incremental")
    assert changes_of(result) == {"read": 3, "changed": 2, "unchanged": 1}
    assert "1 documents changed while the run read them; the next run will embed them" in caplog.text
    assert {key for key, _ in read_rows(output)} == {b"a", b"c"}
    assert_sound(output)
    assert changes_of(run(tiny_model, source, output, "--incremental")) == {
        "read": 3,
        "new": 1,
        "changed": 1,
        "unchanged": 1,
    }
    assert {key for key, _ in read_rows(output)} == {b"a", b"b", b"c"}
    assert_sound(output)


def test_failures_without_changes_are_published(tiny_model: Path, tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out"
    write_corpus(source, {"a": "one"})
    run(tiny_model, source, output, "--incremental")
    write_corpus(source, {"a": "one"}, "{", "[]")
    result = run(tiny_model, source, output, "--incremental")
    assert result["status"] == "published" and result["failures_by_reason"] == {"read: invalid JSON": 2}
    assert len(list(read_failures(str(output)))) == 2
    assert len(assert_sound(output).generations) == 1
    error = run(tiny_model, source, output, "--incremental", "--max-failures", "1", status=3)["error"]
    assert "2 failures, --max-failures allows 1" in error
    assert run(tiny_model, source, output, "--incremental", "--max-failures", "67%")["exit_status"] == 0
    write_corpus(source, {"a": "one"})
    assert run(tiny_model, source, output, "--incremental")["status"] == "published"
    assert list(read_failures(str(output))) == []
    assert run(tiny_model, source, output, "--incremental")["status"] == "unchanged"


def test_ids_that_are_not_unique_fail(tiny_model: Path, tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out"
    write_corpus(source, {"a": "one", "b": "two"})
    run(tiny_model, source, output, "--incremental")
    write_corpus(source, {"a": "one", "b": "two", "c": "three"}, json.dumps({"id": "a", "text": "another"}))
    result = run(tiny_model, source, output, "--incremental")
    assert changes_of(result) == {"read": 4, "new": 1, "unchanged": 1, "not_unique": 2}
    failures = list(read_failures(str(output)))
    assert [(failure["id"], failure["stage"], failure["reason"]) for failure in failures] == [
        ("a", "read", "id not unique")
    ] * 2
    assert {failure["text"] for failure in failures} == {"one", "another"}
    assert {key for key, _ in read_rows(output)} == {b"b", b"c"}
    assert_sound(output)


def test_a_file_that_two_patterns_name_loses_nothing(tiny_model: Path, tmp_path: Path) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    write_corpus(source / "a.jsonl", {"a": "one", "b": "two"})
    run(tiny_model, source, output, "--incremental")
    more = ["--input", str(source / "a.jsonl"), "--incremental", "--full-snapshot"]
    result = run(tiny_model, source, output, *more)
    assert (result["status"], changes_of(result)) == ("unchanged", {"read": 2, "unchanged": 2})
    assert {key for key, _ in read_rows(output)} == {b"a", b"b"}


def test_other_options_are_refused_and_nothing_is_touched(tiny_model: Path, tmp_path: Path) -> None:
    source, output = tmp_path / "in.txt", tmp_path / "out"
    source.write_text("one text\n")
    run(tiny_model, source, output, "--incremental", "--max-tokens", "64")
    source.write_text('{"text": "one text"}\n{"text": "more"}\n')
    other = ["--incremental", "--embeddings", "mean", "--max-tokens", "32"]
    error = run(tiny_model, source, output, *other, "--format", "jsonl", status=2)["error"]
    for difference in (
        "transform option max_tokens: 64 there, 32 here",
        "documents: 'lines' there, 'records' here",
        "embeddings: 'pooled_output' there, 'mean_output' here",
        "give --rebuild",
    ):
        assert difference in error
    assert read_manifest(str(output)).counts.rows == 1
    assert run(tiny_model, source, output, *other, "--rebuild")["counts"]["rows"] == 2
    assert read_manifest(str(output)).embeddings == ["mean_output"]


def test_a_snapshot_that_can_not_be_whole_deletes_nothing(tiny_model: Path, tmp_path: Path) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    write_corpus(folder / "a.jsonl", {"a": "one"})
    write_corpus(folder / "b.jsonl", {"b": "two"})
    pattern = folder / "*"
    run(tiny_model, pattern, output, "--format", "jsonl", "--incremental")
    (folder / "b.jsonl").unlink()
    (folder / "b.jsonl.gz").write_bytes(b"\x1f\x8b no gzip")
    snapshot = ["--format", "jsonl", "--incremental", "--full-snapshot"]
    error = run(tiny_model, pattern, output, *snapshot, status=4)["error"]
    assert "the input has broken files (1), and --full-snapshot would delete documents (1) that may be in them" in error
    assert sorted(key for key, _ in read_rows(output)) == [b"a", b"b"]
    assert any("b.jsonl.gz" in path.read_text() for path in (output / "_staging").glob("*/failures-*"))
    # Without --full-snapshot the broken file is a failure like others.
    result = run(tiny_model, pattern, output, "--format", "jsonl", "--incremental")
    assert result["failures_by_reason"] == {"read: broken file": 1} and result["counts"]["rows"] == 2
    (folder / "b.jsonl.gz").unlink()
    (folder / "a.jsonl").write_text("\n")
    error = run(tiny_model, pattern, output, *snapshot, status=4)["error"]
    assert "the input has no documents, and --full-snapshot would delete all that" in error and "holds (2)" in error
    assert len(read_rows(output)) == 2
