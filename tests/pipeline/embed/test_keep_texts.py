"""Kept fields that have the name of a text, or of a column that this output does not have."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from albert_embed import read_document_embeddings
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.documents.make_documents import make_documents
from albert_embed.pipeline.documents.prepare_documents import prepare_documents
from albert_embed.pipeline.documents.reject_binary import reject_binary
from albert_embed.pipeline.embed.embed_prepared import drop_text_start
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from tests.pipeline.embed_command import embed_command, list_rows

KEEP = "text,pair,tokens:int64,windows,q AS input:string"
LONG = "one two three four five six seven eight nine ten " * 3


def run(model: Path, source: Path, output: Path, *flags: str) -> None:
    command = embed_command(model, source, output)
    assert main([*command, *flags]) == 0


def take(output: Path, names: Sequence[str]) -> list[tuple[Any, ...]]:
    rows = list_rows(output)
    return sorted(tuple(row[name] for name in names) for row in rows)


@pytest.mark.integration
def test_the_texts_are_kept_as_they_are(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out"
    records = [
        {"id": "a", "text": "  Ünë  TEXT ", "pair": "p", "tokens": 7, "windows": "w", "q": "x"},
        {"id": "b", "text": LONG},
    ]
    source.write_text("".join(json.dumps(record) + "\n" for record in records))
    flags = ["--keep-fields", KEEP, "--sink", "tfrecord,parquet", "--max-tokens", "20"]
    run(tiny_model, source, output, *flags, "--long-documents", "window", "--window-overlap", "4", "--incremental")
    names = ("id", "window", "text", "pair", "tokens", "windows", "input")
    first, *others = take(output, names)
    assert first == (b"a", 0, "  Ünë  TEXT ".encode(), b"p", 7, b"w", b"x")
    assert len(others) > 2
    assert {(row[0], *row[2:]) for row in others} == {(b"b", LONG.encode(), None, None, None, None)}
    (path,) = output.glob("parquet/*.parquet")
    table = pq.read_table(path)
    assert table.schema.field("text").type == pa.string()
    assert set(table.column("text").to_pylist()) == {"  Ünë  TEXT ", LONG}
    assert main(["search", str(output), "one two three", "--json", "-k", "1"]) == 0
    (hit,) = json.loads(capsys.readouterr().out.splitlines()[-1])["queries"][0]["hits"]
    assert hit["text"] == LONG
    assert main(["report", str(output)]) == 0


def test_the_second_text_is_kept_beside_itself() -> None:
    keep = ("pair AS text:string", "text AS pair:string", "other AS tokens:string")
    fields = RecordFields.of(EmbedOptions(model="m", input=("a",), output="o", pair_field="pair", keep_fields=keep))
    columns: dict[str, pa.Array | list[Any]] = {"text": ["A"], "pair": ["B"], "other": ["C"]}
    documents, failed = make_documents(Records(file="f", unit="row", positions=[0], columns=columns), fields)
    assert failed == []
    (document,) = documents.to_pylist()
    assert (document["text"], document["pair"], document["tokens"]) == (b"A", b"B", b"C")
    prepared, _ = prepare_documents(documents)
    (row,) = drop_text_start(prepared.drop_columns(["text", "pair"]))[0].to_pylist()
    assert (row["text"], row["pair"], row["tokens"]) == (b"B", b"A", b"C")
    assert not {"kept text", "kept pair", "text_start"} & row.keys()


def test_rows_of_documents_have_columns_of_these_names() -> None:
    given: dict[str, Any] = {"model": "m", "input": ("a",), "output": "o", "embeddings": ("document",)}
    for name in ("tokens", "windows"):
        with pytest.raises(ValueError, match=rf"has '{name}', which is a column of the output .* AS source_{name}'$"):
            EmbedOptions(**given, keep_fields=(name,))
        EmbedOptions(**{**given, "embeddings": ("mean",)}, keep_fields=(name,))
    EmbedOptions(**given, keep_fields=("text", "pair"))


@pytest.mark.integration
def test_rows_of_documents_keep_the_texts(tiny_model: Path, tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out"
    source.write_text(json.dumps({"id": "a", "text": LONG, "pair": "p"}) + "\n")
    flags = ["--long-documents", "window", "--max-tokens", "20", "--window-overlap", "4"]
    run(tiny_model, source, output, "--embeddings", "document", "--keep-fields", "text,pair", *flags)
    (row,) = [row for batch in read_document_embeddings(str(output)) for row in batch.to_pylist()]
    assert (row["text"], row["pair"], row["windows"] > 1) == (LONG.encode(), b"p", True)


def test_bytes_that_are_no_text_are_found_under_either_name() -> None:
    fields = RecordFields.of(EmbedOptions(model="m", input=("a",), output="o", keep_fields=("q AS text",)))
    columns: dict[str, pa.Array | list[Any]] = {"text": ["a", "b"], "q": [b"\xff", b"c"]}
    documents, failed = make_documents(Records(file="f", unit="row", positions=[0, 1], columns=columns), fields)
    assert failed == []
    accepted, (failure,) = reject_binary(documents, ("text",))
    assert accepted.column("text").to_pylist() == [b"b"]
    assert failure.error.startswith("the field 'text' is b'\\xff', which is not UTF-8")
