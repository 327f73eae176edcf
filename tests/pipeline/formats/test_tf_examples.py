"""Rows as tf.Examples and back, checked against tf.train.Example itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from albert_embed.pipeline.formats.feature_schema import describe_features
from albert_embed.pipeline.formats.row_schema import RowSchema
from albert_embed.pipeline.formats.tf_examples import decode_examples, encode_examples
from albert_embed.pipeline.settings.embed_choices import ENCODINGS, QUANTIZED
from albert_embed.pipeline.settings.kept_fields import parse_kept_fields
from tests.pipeline.embedded_rows import EMBEDDINGS, make_rows, make_schema

LENGTHS = [2, 5, 3]
FLOAT_ENCODINGS = [name for name in ENCODINGS if name not in QUANTIZED]  # which hold these rows exactly


def features_of(example: bytes) -> dict[str, list[Any]]:
    """Returns name → values, by TensorFlow's own proto."""
    found = {}
    for name, feature in tf.train.Example.FromString(example).features.feature.items():
        kind = feature.WhichOneof("kind")
        found[name] = list(getattr(feature, kind).value) if kind else []
    return found


def expected_embedding(values: list[float], encoding: str) -> list[Any]:
    if encoding == "float_list":
        return values
    return [np.array(values, "<f4" if encoding == "float32_bytes" else "<f2").tobytes()]


@pytest.mark.parametrize("encoding", FLOAT_ENCODINGS)
@pytest.mark.parametrize("start", [0, 1], ids=["whole", "slice"])
def test_an_example_holds_the_row(encoding: Any, start: int) -> None:
    rows = make_rows(LENGTHS).slice(start)
    examples = encode_examples(rows, make_schema(encoding))
    assert len(examples) == rows.num_rows
    for example, row in zip(examples, rows.to_pylist(), strict=True):
        expected = {
            "id": [row["id"]],
            "window": [0],
            "window_start": [0],
            "truncated": [row["truncated"]],
            "input_ids": row["input_ids"],
            **{name: expected_embedding(row[name], encoding) for name in EMBEDDINGS},
        }
        assert features_of(example) == expected


@pytest.mark.parametrize("encoding", FLOAT_ENCODINGS)
def test_rows_come_back(encoding: Any) -> None:
    rows = make_rows(LENGTHS)
    schema = make_schema(encoding)
    decoded = decode_examples(encode_examples(rows, schema), schema)
    assert decoded.schema == pa.schema(
        [
            ("id", pa.binary()),
            *((name, pa.int64()) for name in ("window", "window_start", "truncated")),
            ("input_ids", pa.large_list(pa.int64())),
            *((name, pa.large_list(pa.float32())) for name in sorted(EMBEDDINGS)),
        ]
    )
    assert decoded.to_pylist() == rows.select(decoded.schema.names).to_pylist()


def test_half_precision_is_rounded_to_it() -> None:
    rows = make_rows([2])
    schema = make_schema("float16_bytes")
    values = pa.array([[0.1, 1000.3, -3e-6]], pa.large_list(pa.float32()))
    rows = rows.set_column(rows.schema.get_field_index("pooled_output"), "pooled_output", values)
    decoded = decode_examples(encode_examples(rows, schema), schema)
    assert decoded.column("pooled_output").to_pylist() == [
        np.array([0.1, 1000.3, -3e-6], np.float16).astype(np.float32).tolist()
    ]


def test_columns_that_are_passed_through() -> None:
    rows = make_rows(
        LENGTHS,
        title=pa.array(["é", None, ""]),
        blob=pa.array([b"\xff", b"", None], pa.large_binary()),
        year=pa.array([1900, None, -1], pa.int32()),
        score=pa.array([0.5, float("nan"), None], pa.float64()),
        flag=pa.array([True, False, None]),
        tags=pa.array([[b"a", b"b"], [], [b"c"]], pa.list_(pa.binary())),
        nothing=pa.array([None, None, None], pa.string()),
    )
    kept = ("title", "blob", "year:int64", "score:float", "flag:int64", "tags:string[]", "nothing")
    schema = make_schema(kept=parse_kept_fields(kept))
    first, second, third = (features_of(example) for example in encode_examples(rows, schema))
    names = ("title", "blob", "year", "flag", "tags")
    assert [first[name] for name in names] == [["é".encode()], [b"\xff"], [1900], [1], [b"a", b"b"]]
    assert [second.get(name, []) for name in names] == [[], [b""], [], [0], []]
    assert [third.get(name, []) for name in names] == [[b""], [], [-1], [], [b"c"]]
    assert first["score"] == [0.5] and np.isnan(second["score"][0]) and third.get("score", []) == []
    assert all(features.get("nothing", []) == [] for features in (first, second, third))
    decoded = decode_examples(encode_examples(rows, schema), schema)
    assert decoded.column("title").to_pylist() == ["é".encode(), None, b""]
    assert decoded.column("nothing").to_pylist() == [None, None, None]
    assert decoded.column("id").to_pylist() == [b"row 0", b"row 1", b"row 2"]


@pytest.mark.parametrize("encoding", FLOAT_ENCODINGS)
def test_the_schema_describes_the_examples(encoding: Any) -> None:
    """What tf.io parses the examples with when it goes by the schema."""
    schema = text_format.Parse(describe_features(make_schema(encoding)), schema_pb2.Schema())
    features = {feature.name: feature for feature in schema.feature}
    found = features_of(encode_examples(make_rows([4]), make_schema(encoding))[0])
    assert sorted(features) == sorted(found)
    kinds = {bytes: schema_pb2.BYTES, int: schema_pb2.INT, float: schema_pb2.FLOAT}
    for name, values in found.items():
        assert features[name].type == kinds[type(values[0])], name
        if features[name].HasField("shape"):
            assert [dimension.size for dimension in features[name].shape.dim] == [len(values)], name
        else:
            assert features[name].value_count.min <= len(values), name


def test_only_the_embeddings_there_are_in_the_schema() -> None:
    schema = text_format.Parse(
        describe_features(RowSchema(embeddings=("mean_output",), hidden_size=7)), schema_pb2.Schema()
    )
    assert [feature.name for feature in schema.feature if feature.name.endswith("_output")] == ["mean_output"]
