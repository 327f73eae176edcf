"""The main job on the example corpus: every row against an independent computation."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.read_embeddings import read_failures
from albert_embed.pipeline.dataset.versions import read_manifest
from albert_embed.pipeline.records.content_id import content_id
from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.shards.row_counts import RowCounts
from tests.pipeline.embed_command import assert_same_rows, embed_command, read_rows
from tests.pipeline.reference import Reference
from tests.tiny_model import CORPUS

EXAMPLES = CORPUS.parent
ALL = ["--embeddings", "pooled,sequence,mean"]
MAX_TOKENS = 128


def embed(model: Path, output: Path, *more: str, source: Path = CORPUS) -> dict[bytes, dict[str, Any]]:
    """Runs the job and gives its rows by id."""
    assert main(embed_command(model, source, output, *more)) == 0
    return read_by_id(output)


@pytest.fixture(scope="module")
def reference(tiny_model: Path) -> Reference:
    return Reference(tiny_model)


@pytest.fixture(scope="module")
def corpus_output(tiny_model: Path, engine_name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus embedded once by each engine; not to be changed."""
    output = tmp_path_factory.mktemp("corpus") / "out"
    embed(tiny_model, output, *ALL, "--batch-tokens", "600", "--engine", engine_name)
    return output


def read_by_id(output: Path) -> dict[bytes, dict[str, Any]]:
    rows = read_rows(output)
    return {id_: row for (id_, _), row in rows.items()}


def test_every_row_is_what_an_independent_computation_gives(corpus_output: Path, reference: Reference) -> None:
    lines = CORPUS.read_text(encoding="utf-8").splitlines()
    rows = read_by_id(corpus_output)
    assert len(rows) == len(lines) == 300
    truncated = 0
    for line in lines:
        row = rows[content_id(line.encode())]
        tokens = reference.tokenize(line)
        assert (row["window"], row["window_start"]) == (0, 0)
        assert row["truncated"] == int(len(tokens) > MAX_TOKENS - 2)
        truncated += row["truncated"]
        reference.assert_row(row, reference.frame(line, MAX_TOKENS))
        assert len(row["sequence_output"]) == 16 * len(row["input_ids"])
    assert 0 < truncated < 300


def test_the_manifest_counts_what_is_there(corpus_output: Path) -> None:
    manifest = read_manifest(str(corpus_output))
    rows = read_by_id(corpus_output).values()
    tokens = sum(len(row["input_ids"]) for row in rows)
    counted = RowCounts(documents=300, rows=300, tokens=tokens, truncated=sum(row["truncated"] for row in rows))
    assert (manifest.counts.row_counts, manifest.counts.failures) == (counted, 0)
    assert manifest.shards == [
        DataFile(path=f"tfrecord/{path.name}", bytes=path.stat().st_size, format="tfrecord", rows=300, generation=1)
        for path in sorted(corpus_output.glob("tfrecord/*"))
    ]
    assert manifest.index_shards == [
        DataFile(path=f"_index/{path.name}", bytes=path.stat().st_size, rows=300, generation=1)
        for path in sorted(corpus_output.glob("_index/*"))
    ]
    assert sum(1 for shard in manifest.shards for _ in tf.data.TFRecordDataset(str(corpus_output / shard.path))) == 300
    (generation,) = manifest.generations
    assert (generation.number, generation.counts, generation.dead) == (1, counted, RowCounts())
    counters = manifest.measured.counters
    assert counters["documents"] == counters["rows"] == 300
    assert counters["tokens"] == tokens and counters["truncated"] == manifest.counts.truncated
    assert counters.get("failures", 0) == 0
    # Every batch within its budget, and little of it padding.
    assert tokens <= counters["padded_tokens"] <= 600 * counters["batches"]
    assert manifest.measured.fill == round(tokens / counters["padded_tokens"], 4) > 0.85
    assert manifest.measured.batch_tokens == 600
    assert manifest.embeddings == ["pooled_output", "sequence_output", "mean_output"] and manifest.hidden_size == 16
    assert manifest.options["input"] == [str(CORPUS)] and manifest.options["format"] == "text"
    assert manifest.versions["apache-beam"] and manifest.versions["tensorflow"] == tf.__version__
    assert not (corpus_output / "_staging").exists()


def test_inspect_counts_what_the_manifest_says(corpus_output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(corpus_output), "--json"]) == 0
    inspection = json.loads(capsys.readouterr().out)
    assert inspection["counts"] == read_manifest(str(corpus_output)).counts.to_dict()
    assert inspection["tokens"]["max"] == MAX_TOKENS


@pytest.mark.integration
@pytest.mark.parametrize(
    "more",
    [
        pytest.param([], id="again"),
        pytest.param(["--runner", "DirectRunner", "--direct_num_workers", "1"], id="DirectRunner"),
        pytest.param(["--direct_running_mode", "multi_processing", "--direct_num_workers", "2"], id="processes"),
        pytest.param(["--batch-tokens", "4096", "--encoding", "float32_bytes"], id="other batches"),
    ],
)
def test_other_ways_of_running_give_the_same(
    corpus_output: Path, tiny_model: Path, tmp_path: Path, more: list[str]
) -> None:
    assert_same_rows(embed(tiny_model, tmp_path / "out", *ALL, *more), read_by_id(corpus_output))
    assert read_manifest(str(tmp_path / "out")).counts == read_manifest(str(corpus_output)).counts


@pytest.mark.integration
def test_the_hub_module_gives_the_same_as_its_export(corpus_output: Path, tiny_module: Path, tmp_path: Path) -> None:
    """`--model` takes the module as published, and its vocabulary and casing with it."""
    assert_same_rows(embed(tiny_module, tmp_path / "out", *ALL), read_by_id(corpus_output))
    export = ["export", "--source", str(tiny_module), "--output", str(tmp_path / "export")]
    assert main(export) == 0
    assert_same_rows(embed(tmp_path / "export", tmp_path / "exported", *ALL), read_by_id(corpus_output))


@pytest.mark.integration
def test_the_awkward_file(tiny_model: Path, tmp_path: Path, reference: Reference) -> None:
    source = EXAMPLES / "awkward.txt"
    lines = [line.removesuffix(b"\r") for line in source.read_bytes().removesuffix(b"\n").split(b"\n")]
    bad = [line for line in lines if b"\xe9" in line or b"\xff" in line]
    assert len(lines) == 12 and len(bad) == 2
    rows = embed(tiny_model, tmp_path / "out", *ALL, source=source)
    assert rows.keys() == {content_id(line) for line in lines if line not in bad}
    for line in lines:
        if line not in bad:
            reference.assert_row(rows[content_id(line)], reference.frame(line.decode(), MAX_TOKENS))
    assert rows[content_id(b"")]["input_ids"] == rows[content_id(b"  \t   ")]["input_ids"] == [2, 3]
    failures = list(read_failures(str(tmp_path / "out")))
    assert Counter(failure["id"] for failure in failures) == Counter(content_id(line).decode() for line in bad)
    assert {(failure["stage"], failure["reason"]) for failure in failures} == {("read", "invalid UTF-8")}
    manifest = read_manifest(str(tmp_path / "out"))
    assert manifest.counts.rows == 10 and manifest.counts.failures == 2
    assert manifest.failures_by_reason == {"read: invalid UTF-8": 2}
    assert manifest.measured.counters["failures"] == 2


@pytest.mark.integration
def test_json_lines_with_ids(tiny_model: Path, tmp_path: Path, reference: Reference) -> None:
    records = [json.loads(line) for line in (EXAMPLES / "corpus.jsonl").read_text(encoding="utf-8").splitlines()]
    source = tmp_path / "corpus.jsonl"
    bad = [b"{", b'{"id": "no-text"}', b'{"text": 1}', b'{"id": ' + b"1" * 5000 + b"}", b'{"\\ud800": 1}']
    source.write_bytes(b"\n".join([*(json.dumps(record).encode() for record in records), b"", *bad]))
    rows = embed(tiny_model, tmp_path / "out", "--embeddings", "mean", source=source)
    assert rows.keys() == {record["id"].encode() for record in records}
    for record in records:
        row = rows[record["id"].encode()]
        reference.assert_row(row, reference.frame(record["text"], MAX_TOKENS))
        assert "pooled_output" not in row and "sequence_output" not in row
    assert read_manifest(str(tmp_path / "out")).failures_by_reason == {
        "read: invalid JSON": 2,
        "read: missing field": 2,
        "read: wrong type": 1,
    }


@pytest.mark.integration
def test_rows_of_pairs_are_what_an_independent_computation_gives(
    tiny_model: Path, tmp_path: Path, reference: Reference
) -> None:
    pairs = {
        "a": ("One text.", "Another one, longer"),
        "b": ("", "x"),
        "c": ("long " * 200, "short"),
        "d": ("s " * 99, "t " * 99),
        "e": ("a text and", " \n"),
        "f": ("long " * 200, ""),
    }
    source = tmp_path / "pairs.jsonl"
    source.write_text("".join(json.dumps({"key": key, "p": p, "q": q}) + "\n" for key, (p, q) in pairs.items()))
    fields = ["--text-field", "p", "--pair-field", "q", "--id-field", "key"]
    rows = embed(tiny_model, tmp_path / "out", *ALL, *fields, source=source)
    for key, (p, q) in pairs.items():
        first, second = reference.tokenize(p), reference.tokenize(q)
        room = MAX_TOKENS - 3 if second else MAX_TOKENS - 2
        while len(first) + len(second) > room:  # google-research/albert, `_truncate_seq_pair`
            (first if len(first) > len(second) else second).pop()
        end = [*second, 3] if second else []
        reference.assert_row(rows[key.encode()], [2, *first, 3, *end], [0] * (len(first) + 2) + [1] * len(end))


@pytest.mark.integration
@pytest.mark.parametrize("overlap", [0, 10])
def test_rows_of_windows_are_what_an_independent_computation_gives(
    tiny_model: Path, tmp_path: Path, reference: Reference, overlap: int
) -> None:
    texts = ["short", " ".join(f"word number {number}" for number in range(90)), ""]
    source = tmp_path / "texts.txt"
    source.write_text("\n".join(texts) + "\n")
    flags = ["--max-tokens", "32", "--long-documents", "window", "--window-overlap", str(overlap)]
    arguments = embed_command(tiny_model, source, tmp_path / "out")
    assert main([*arguments, *ALL, *flags]) == 0
    found = read_rows(tmp_path / "out")
    expected = {}
    for text in texts:
        tokens = reference.tokenize(text)
        starts = [0]
        while starts[-1] + 30 < len(tokens):
            starts.append(starts[-1] + 30 - overlap)
        for window, start in enumerate(starts):
            expected[content_id(text.encode()), window] = (start, [2, *tokens[start : start + 30], 3])
    assert found.keys() == expected.keys() and len(found) > 10
    for key, (start, ids) in expected.items():
        assert found[key]["window_start"] == start and found[key]["truncated"] == 0
        reference.assert_row(found[key], ids)
    counts = read_manifest(str(tmp_path / "out")).counts
    assert (counts.documents, counts.rows, counts.truncated) == (3, len(expected), 0)


@pytest.mark.integration
def test_a_document_that_is_too_long_is_rejected(tiny_model: Path, tmp_path: Path, reference: Reference) -> None:
    long = "many words " * 40
    source = tmp_path / "texts.txt"
    source.write_text(f"short\n{long}\n")
    rows = embed(tiny_model, tmp_path / "out", "--max-tokens", "20", "--long-documents", "reject", source=source)
    assert rows.keys() == {content_id(b"short")}
    (failure,) = read_failures(str(tmp_path / "out"))
    count = len(reference.tokenize(long))
    assert (failure["id"], failure["reason"]) == (content_id(long.encode()).decode(), "too long")
    assert failure["error"].startswith(f"{count} tokens of text do not fit into max_tokens 20; raise --max-tokens")
    assert failure["text"] == long[:200]
