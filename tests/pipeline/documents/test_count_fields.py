"""Fields that no record has."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.documents.count_fields import MissingFieldError, check_counted_fields
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records
from albert_embed.pipeline.settings.kept_fields import parse_kept_fields
from tests.pipeline.embed_command import embed_command

FIELDS = RecordFields(kept=parse_kept_fields(("title", "y:int64")), renamed={"y": "year"})


def test_which_fields_records_have() -> None:
    columns: dict[str, pa.Array | list[object]] = {"a": [None, None], "b": [None, None], "c": [None, 1]}
    records = Records(file="f", unit="byte", positions=[0, 9], columns=columns, names=[("a",), ("x",)])
    assert [records.has_field(name) for name in ("a", "b", "c", "d")] == [True, False, True, False]
    assert records.list_names() == {"a", "x"}
    records = Records(file="f", unit="row", positions=[0], columns={"a": pa.nulls(1)})
    assert [records.has_field(name) for name in ("a", "b")] == [True, False]


def test_only_a_run_with_records_can_lack_a_field() -> None:
    def check(*, batches: int = 2, **counted: int) -> None:
        counters = {f"batches_with_field:{name}": count for name, count in counted.items()}
        check_counted_fields({"batches_read": batches, **counters}, FIELDS, lambda: {"body", "years"})

    check_counted_fields({}, FIELDS, lambda: {"body"})
    check(text=2, title=1, year=1)
    with pytest.raises(MissingFieldError) as error:
        check(text=2, title=1)
    assert str(error.value) == (
        "--keep-fields has 'year', but no record of the input has such a field, and nothing was published; is it "
        "'years'? The fields are: body, years"
    )
    with pytest.raises(
        MissingFieldError, match=r"^--text-field has 'text', but .*, and nothing was published\. The fi"
    ):
        check(title=2, year=2)


@pytest.mark.integration
@pytest.mark.parametrize("flags", [["--keep-fields", "tilte"], ["--text-field", "tilte"], ["--id-field", "tilte"]])
def test_a_run_without_the_field_is_not_published(
    tiny_model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    flags: list[str],
) -> None:
    """What is looked through before the run is not the whole input here."""
    monkeypatch.setattr("albert_embed.pipeline.inputs.input_fields._MAX_BATCHES", 0)
    (tmp_path / "a.jsonl").write_text('{"text": "a", "title": "b"}\n')
    output = tmp_path / "out"
    command = embed_command(tiny_model, tmp_path / "a.jsonl", output)
    assert main([*command, "--json", *flags]) == 4
    error = json.loads(capsys.readouterr().out)["error"]
    assert f"{flags[0]} has 'tilte', but no record of the input has such a field" in error
    assert error.endswith("is it 'title'? The fields are: text, title")
    assert not (output / "manifest.json").exists()
    assert main([*command, "--keep-fields", "title"]) == 0
