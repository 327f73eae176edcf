"""Describes the columns that go into the graph, for tf.Transform."""

from __future__ import annotations

import pyarrow as pa
from tensorflow_metadata.proto.v0 import schema_pb2

from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.rows import columns


def list_input_columns(config: PreprocessingConfig) -> tuple[str, ...]:
    """Lists the columns that the graph reads."""
    return (columns.TEXT, columns.PAIR) if config.pair else (columns.TEXT,)


def make_input_schema(config: PreprocessingConfig) -> pa.Schema:
    """Makes the Arrow schema of the columns that the graph reads, each a list of one text, as tfx-bsl has it."""
    return pa.schema([(name, pa.list_(pa.binary())) for name in list_input_columns(config)])


def make_tensor_representations(config: PreprocessingConfig) -> dict[str, schema_pb2.TensorRepresentation]:
    """Returns representations that make each of these columns a tensor string [n]."""
    representations = {}
    for name in list_input_columns(config):
        representation = schema_pb2.TensorRepresentation()
        representation.dense_tensor.column_name = name
        representation.dense_tensor.shape.SetInParent()  # no dimensions beside that of the batch
        representations[name] = representation
    return representations
