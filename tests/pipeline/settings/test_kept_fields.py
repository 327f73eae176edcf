"""`--keep-fields`: names, types and names in the output."""

from __future__ import annotations

import decimal
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from albert_embed.pipeline.documents.make_documents import make_documents
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.field_type import FieldType
from albert_embed.pipeline.settings.kept_fields import KeptField, convert_value, list_kept_fields, parse_kept_fields


@pytest.mark.parametrize(
    ("given", "field", "column", "type_name"),
    [
        ("a", "a", "a", ""),
        ("a:int64", "a", "a", "int64"),
        ("b:string[]", "b", "b", "string[]"),
        ("dc:title", "dc:title", "dc:title", ""),
        ("dc:title:string", "dc:title", "dc:title", "string"),
        ("window AS source_window:int64", "window", "source_window", "int64"),
        ("a b as  c", "a b", "c", ""),
        ("dc:title AS title", "dc:title", "title", ""),
        ("AS", "AS", "AS", ""),
        ("text AS body", "text", "body", ""),
    ],
)
def test_names_and_types(given: str, field: str, column: str, type_name: str) -> None:
    assert KeptField.parse(given) == KeptField(field=field, column=column, type_name=type_name)


def test_types_of_columns() -> None:
    kept = parse_kept_fields(("a", "b:int64[]", "c AS d:float"))
    assert {name: str(type_) for name, type_ in kept.items()} == {"a": "string", "b": "int64[]", "d": "float"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("window",), "'window', which is a column of the output .*: --keep-fields 'window AS source_window'"),
        (("a AS id:string",), "'id', which is a column of the output itself"),
        ((":int64",), "':int64': give NAME, NAME:TYPE or 'NAME AS COLUMN:TYPE', TYPE one of string, int64, float"),
        (("a", "b AS a"), "has 'a' twice"),
    ],
)
def test_what_is_refused(given: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list_kept_fields(given)


def test_a_renamed_field_has_its_own_values() -> None:
    kept = ("window AS source_window:int64",)
    fields = RecordFields.of(EmbedOptions(model="m", input=("a",), output="o", keep_fields=kept))
    assert fields.names == ["text", "id", "window"]
    columns: dict[str, pa.Array | list[int]] = {"text": pa.array(["a"]), "window": [7]}
    records = Records(file="f", unit="row", positions=[0], columns=columns)
    documents, failures = make_documents(records, fields)
    assert documents.column("source_window").to_pylist() == [7] and failures == []
    assert "window" not in documents.schema.names


@pytest.mark.parametrize(
    "value",
    [10**400, -(10**39), 3.5e38, decimal.Decimal("1e400"), decimal.Decimal(-(10**39))],
    ids=lambda value: f"{value!s:.9}",
)
def test_a_number_that_would_become_infinite_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r", which is larger than a float of 32 bits can be$"):
        convert_value(value, FieldType.parse("float"))


def test_numbers_that_a_float_holds_are_kept() -> None:
    largest = float(np.finfo(np.float32).max)
    values = [7, 0.5, largest, -math.inf, decimal.Decimal("0.25"), 1e-300]
    assert convert_value(values, FieldType.parse("float[]")) == [7.0, 0.5, largest, -math.inf, 0.25, 1e-300]
    assert math.isnan(convert_value(math.nan, FieldType.parse("float")))
    assert np.isfinite(np.float32(np.nextafter(2.0**128 - 2.0**103, 0)))  # the least that is refused would be infinite
