"""Which format the files of a run have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from albert_embed.pipeline.inputs.choose_source import choose_source
from albert_embed.pipeline.inputs.file_input import make_file_input
from albert_embed.pipeline.settings.embed_options import FORMATS, EmbedOptions
from albert_embed.pipeline.sources.registry import SOURCES
from albert_embed.pipeline.storage.input_files import InputFile, list_input


def choose(*names: str, given: str | None = None) -> str:
    return choose_source([InputFile(path=name, name=name, bytes=1, modified=0) for name in names], given).name


def test_the_command_line_offers_every_format() -> None:
    assert set(FORMATS) == {*SOURCES, "bigquery"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.txt", "text"),
        ("a.jsonl", "jsonl"),
        ("A.JSONL", "jsonl"),
        ("a.json.gz", "jsonl"),
        ("a.ndjson.bz2", "jsonl"),
        ("a.jsonl.txt", "text"),
        ("gs://b/c.jsonl", "jsonl"),
        ("a.gz", "text"),
        ("jsonl", "text"),
        ("a.csv.zst", "csv"),
        ("a.tfrecords", "tfrecord"),
        ("a.avro", "avro"),
        ("a.parquet", "parquet"),
    ],
)
def test_formats_are_told_by_names(name: str, expected: str) -> None:
    assert choose(name, "b" + name) == expected


def test_a_given_format_beats_the_names() -> None:
    assert choose("a.txt", "b.jsonl", given="jsonl") == "jsonl"


def test_files_of_several_formats_are_refused_by_name() -> None:
    with pytest.raises(ValueError) as error:
        choose("d/a.txt", "d/b.txt", "d/c.jsonl")
    assert str(error.value) == (
        "--input names files of several formats: d/c.jsonl (jsonl), d/a.txt (text); give --format if all have the "
        "same, or embed each format in a run of its own"
    )


@pytest.mark.parametrize(
    "given", [{"pair_field": "q"}, {"id_field": "id"}, {"text_field": "body"}, {"keep_fields": ("title",)}]
)
@pytest.mark.parametrize("format_", [None, "files"])
def test_fields_of_texts_are_refused(tmp_path: Path, given: dict[str, Any], format_: str | None) -> None:
    (tmp_path / "a.txt").write_text("one\n")
    options = EmbedOptions(model="m", input=(str(tmp_path / "a.txt"),), output="o", format=format_, **given)
    with pytest.raises(ValueError, match=r"^--text-field, --id-field, --pair-field and --keep-fields name fields of"):
        make_file_input(list_input(options.input).files, options)
