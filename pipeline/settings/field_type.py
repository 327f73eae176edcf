"""`FieldType`: the types of values in rows, and the name of each wherever rows are read or written."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


@dataclasses.dataclass(frozen=True, kw_only=True)
class ValueType:
    """The type of one value.

    Attributes:
      name: its name in `--keep-fields`.
      arrow: Arrow's name for it in the pipeline's RecordBatches, where strings are bytes, as in a tf.Example.
      stored: Arrow's name for it in Parquet files, where strings are UTF-8.
      feature: the list of a tf.train.Feature that holds it, and its FeatureType in a tf.Metadata schema.
      tensor: TensorFlow's name for it.
      bigquery: BigQuery's name for it.
      default: what a tensor holds for a row without a value, because tensors have no null.
    """

    name: str
    arrow: str
    stored: str
    feature: str
    tensor: str
    bigquery: str
    default: Any


STRING = ValueType(
    name="string", arrow="binary", stored="string", feature="BYTES", tensor="string", bigquery="STRING", default=b""
)
INT64 = ValueType(
    name="int64", arrow="int64", stored="int64", feature="INT", tensor="int64", bigquery="INTEGER", default=0
)
FLOAT = ValueType(
    name="float", arrow="float32", stored="float32", feature="FLOAT", tensor="float32", bigquery="FLOAT", default=0.0
)
VALUE_TYPES = {type_.name: type_ for type_ in (STRING, INT64, FLOAT)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class FieldType:
    """The type of a kept field.

    Attributes:
      value: the type of each value.
      is_list: whether a row has a list of values.
    """

    value: ValueType
    is_list: bool = False

    @staticmethod
    def parse(name: str) -> FieldType:
        """Parses a type of `--keep-fields`: `string`, `int64` or `float`, with `[]` after it for a list.

        Raises:
          ValueError: if it is none of these.
        """
        value = VALUE_TYPES.get(name.removesuffix("[]"))
        if value is None:
            raise ValueError(f"{name!r} is not a type: give one of {', '.join(VALUE_TYPES)}; with [] for lists")
        return FieldType(value=value, is_list=name.endswith("[]"))

    def __str__(self) -> str:
        return f"{self.value.name}[]" if self.is_list else self.value.name

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type in the pipeline's RecordBatches."""
        import pyarrow as pa

        one = pa.type_for_alias(self.value.arrow)
        return pa.large_list(one) if self.is_list else one
