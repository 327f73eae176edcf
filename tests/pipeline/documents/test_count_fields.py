"""Kept fields that no record has."""

from __future__ import annotations

import json
import logging
import pickle
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest

from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.documents.count_fields import MissingFieldError, check_counted_fields, has_field
from albert_embed.pipeline.documents.read_documents import make_and_count
from albert_embed.pipeline.embed.read_input import resolve_input
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.kept_fields import parse_kept_fields

FIELDS = RecordFields(kept=parse_kept_fields(("title", "y:int64")), renamed={"y": "year"})


def test_which_fields_records_have() -> None:
    columns: dict[str, pa.Array | list[object]] = {"a": [None, None], "b": [None, None], "c": [None, 1]}
    records = Records(file="f", unit="byte", positions=[0, 9], columns=columns, names=[("a",), ("x",)])
    assert [has_field(records, name) for name in ("a", "b", "c", "d")] == [True, False, True, False]
    records = Records(file="f", unit="row", positions=[0], columns={"a": pa.nulls(1)})
    assert [has_field(records, name) for name in ("a", "b")] == [True, False]


def test_only_a_run_with_documents_can_lack_a_field() -> None:
    check_counted_fields({}, FIELDS)
    check_counted_fields({"documents": 2, "batches_with_field:title": 1, "batches_with_field:year": 1}, FIELDS)
    with pytest.raises(
        MissingFieldError, match="--keep-fields has 'year', but no record of the input has such a field"
    ):
        check_counted_fields({"documents": 2, "batches_with_field:title": 1}, FIELDS)


def test_the_step_is_picklable() -> None:
    step = pickle.loads(pickle.dumps(partial(make_and_count, fields=FIELDS, origins=False)))
    records = Records(file="f", unit="row", positions=[0], columns={"text": pa.array(["a"]), "year": [7]})
    documents, failures = step(records)
    assert documents.schema.names == ["id", "text", "title", "y"] and failures == []
    assert step(records, origins=True)[0].schema.names[-1] == "origin"


def test_a_warning_names_the_fields_of_the_first_records(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a", "title": null, "m": {"y": 1}}\n{"text": "b", "tags": []}\n')
    with caplog.at_level(logging.WARNING):
        keep = ("title", "m.y:int64", "tilte", "m.x")
        resolve_input(EmbedOptions(model="m", input=(str(path),), output="o", keep_fields=keep))
    warned = "but none of the first 2 records of"
    assert [record.getMessage().split(f", {warned}")[0] for record in caplog.records] == [
        "--keep-fields has 'tilte'",
        "--keep-fields has 'm.x'",
    ]
    assert caplog.records[0].getMessage().endswith("has such a field; their fields are: m, tags, text, title")


@pytest.mark.integration
def test_a_run_without_the_field_is_not_published(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a", "title": "b"}\n')
    output = tmp_path / "out"
    command = ["embed", "--model", str(tiny_model), "--input", str(tmp_path / "a.jsonl"), "--output", str(output)]
    assert main([*command, "--json", "--keep-fields", "tilte"]) == 4
    assert "no record of the input has such a field" in json.loads(capsys.readouterr().out)["error"]
    assert not (output / "manifest.json").exists()
    assert main([*command, "--keep-fields", "title"]) == 0
