"""The tf.Metadata schema of tf.Examples: `schema.pbtxt`."""

from __future__ import annotations

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from albert_embed.pipeline.formats.row_schema import Column, RowSchema

_MIN_TOKENS = 2  # [CLS] and [SEP]


def describe_features(schema: RowSchema) -> str:
    """Returns the tf.Metadata schema of the rows as tf.Examples, as text."""
    described = schema_pb2.Schema()
    for column in schema.columns:
        _add_feature(described, column, schema)
        scale = schema.scale_column(column)
        if scale is not None:
            _add_feature(described, scale, schema)
    return str(text_format.MessageToString(described))


def _add_feature(described: schema_pb2.Schema, column: Column, schema: RowSchema) -> None:
    in_bytes = column.is_vector and schema.vector_encoding.tf_bytes
    feature = described.feature.add(
        name=column.name, type=schema_pb2.FeatureType.Value("BYTES" if in_bytes else column.value.feature)
    )
    if in_bytes:
        feature.shape.dim.add(size=1)
    elif column.kept:
        feature.value_count.min = 0
        if not column.shape:
            feature.value_count.max = 1
    elif None not in column.shape:
        for size in column.shape or (1,):
            feature.shape.dim.add(size=size)
    else:
        feature.value_count.min = _MIN_TOKENS * (column.width if column.is_vector else 1)
