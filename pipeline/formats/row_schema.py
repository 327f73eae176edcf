"""`RowSchema`: the single description of a row that is written, whatever the format."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from typing import Literal

import pyarrow as pa

from albert_embed.pipeline.formats.vector_encoding import VectorEncoding, find_encoding
from albert_embed.pipeline.settings.embed_choices import Encoding
from albert_embed.pipeline.settings.field_type import FLOAT, STRING, VALUE_TYPES, FieldType, ValueType
from albert_embed.transforms.rows.columns import (
    DOCUMENT_OUTPUT,
    ID,
    INPUT_IDS,
    INTERNAL_COLUMNS,
    MEAN_OUTPUT,
    POOLED_OUTPUT,
    SCALE_SUFFIX,
    SENTENCE_EMBEDDING,
    SEQUENCE_OUTPUT,
    TOKEN_COLUMNS,
    TOKENS,
    TRUNCATED,
    TYPES,
    WINDOW,
    WINDOW_START,
    WINDOWS,
)

_VALUE_TYPES = {pa.type_for_alias(type_.arrow): type_ for type_ in VALUE_TYPES.values()}
_OWN_COLUMNS = {
    "window": (ID, WINDOW, WINDOW_START, TRUNCATED, INPUT_IDS),
    "document": (ID, WINDOWS, TOKENS),
}
_EMBEDDINGS = {
    "window": (POOLED_OUTPUT, MEAN_OUTPUT, SENTENCE_EMBEDDING, SEQUENCE_OUTPUT),
    "document": (DOCUMENT_OUTPUT,),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a row.

    Attributes:
      name: its name.
      value: the type of each value.
      shape: of a row's values: `()` one value, `(None,)` a list, `(hidden,)` a vector, `(None, hidden)` a vector for
        each token. RecordBatches and tf.Examples hold them flat, row by row.
      kept: whether it is a kept field of the input; only such a column has nulls.
    """

    name: str
    value: ValueType
    shape: tuple[int | None, ...] = ()
    kept: bool = False

    @property
    def is_vector(self) -> bool:
        """Whether it holds an embedding."""
        return bool(self.shape) and self.shape[-1] is not None

    @property
    def width(self) -> int:
        """The number of values of a vector; only where it holds vectors."""
        width = self.shape[-1]
        assert width is not None, f"{self.name} holds no vectors"
        return width

    @property
    def is_string(self) -> bool:
        """Whether its values are strings."""
        return self.value.name == STRING.name

    @property
    def arrow(self) -> pa.DataType:
        """Its type in RecordBatches."""
        one = pa.type_for_alias(self.value.arrow)
        return pa.large_list(one) if self.shape else one


@dataclasses.dataclass(frozen=True, kw_only=True)
class RowSchema:
    """What a row holds. The schema of every format follows from it.

    Attributes:
      embeddings: the embedding columns, such as `pooled_output`.
      hidden_size: width of a vector as the model gives it, except that of a sentence.
      sentence_size: width of `sentence_embedding`; 0 where the model has none.
      dimensions: how many values of each vector are kept; None means all.
      encoding: how embeddings are stored (`vector_encoding`).
      kept: the kept fields, with their types.
      tokens: whether each token's piece and its bytes in the text are there (`--tokens`).
      level: whether a row is a window of a document (or all of it), or a document.

    Raises:
      ValueError: if a row of this level can't have one of the embeddings, or can't store it in this encoding.
    """

    embeddings: tuple[str, ...]
    hidden_size: int
    sentence_size: int = 0
    dimensions: int | None = None
    encoding: Encoding = "float_list"
    kept: Mapping[str, FieldType] = dataclasses.field(default_factory=dict)
    tokens: bool = False
    level: Literal["window", "document"] = "window"

    def __post_init__(self) -> None:
        known = _EMBEDDINGS[self.level]
        for name in self.embeddings:
            if name not in known:
                raise ValueError(f"the row of a {self.level} has no embedding {name!r}, only {', '.join(known)}")
            self.vector_encoding.check_width(name, self.width(name))

    def of_documents(self) -> RowSchema:
        """Returns the schema of the documents' rows that are written beside these (`--embeddings document`)."""
        return dataclasses.replace(self, embeddings=(DOCUMENT_OUTPUT,), tokens=False, level="document")

    def width(self, embedding: str) -> int:
        """Returns the width of a vector of an embedding column."""
        whole = self.sentence_size if embedding == SENTENCE_EMBEDDING else self.hidden_size
        return whole if self.dimensions is None else min(self.dimensions, whole)

    @property
    def vector_encoding(self) -> VectorEncoding:
        """How embeddings are stored."""
        return find_encoding(self.encoding)

    def holds_bytes(self, column: Column) -> bool:
        """Returns whether Parquet has the vector of each token of a column as bytes."""
        return column.is_vector and len(column.shape) > 1 and self.vector_encoding.parquet_bytes

    def scale_column(self, column: Column) -> Column | None:
        """Returns the column that is stored beside one of vectors, with their scales; None where there is none."""
        if not (column.is_vector and self.vector_encoding.scaled):
            return None
        return Column(name=column.name + SCALE_SUFFIX, value=FLOAT, shape=column.shape[:-1])

    @functools.cached_property
    def columns(self) -> tuple[Column, ...]:
        """The output's own columns, the embeddings and the kept fields, each in the given order."""
        own = (*_OWN_COLUMNS[self.level], *(TOKEN_COLUMNS if self.tokens else ()))
        return (
            *(_own_column(name) for name in own),
            *(
                Column(
                    name=name,
                    value=FLOAT,
                    shape=(None, self.width(name)) if name == SEQUENCE_OUTPUT else (self.width(name),),
                )
                for name in self.embeddings
            ),
            *(
                Column(name=name, value=type_.value, shape=(None,) if type_.is_list else (), kept=True)
                for name, type_ in self.kept.items()
            ),
        )

    @functools.cached_property
    def sorted_columns(self) -> tuple[Column, ...]:
        """The columns in the order of readers and of Parquet: the output's own, then all others by name."""
        own = [column for column in self.columns if not (column.is_vector or column.kept)]
        others = [column for column in self.columns if column.is_vector or column.kept]
        return (*own, *sorted(others, key=lambda column: column.name))

    @property
    def arrow(self) -> pa.Schema:
        """The schema of the RecordBatches that readers yield."""
        return pa.schema([(column.name, column.arrow) for column in self.sorted_columns])

    def check_names(self, names: Iterable[str], *, stored: bool = False) -> None:
        """Raises ValueError if these names, without internal columns, are not those of a row's columns.

        Args:
          names: of columns.
          stored: whether they are those of a file, which has columns of scales, too.
        """
        found = set(names) - set(INTERNAL_COLUMNS)
        wanted = {column.name for column in self.columns}
        if stored:
            wanted |= {scale.name for column in self.columns if (scale := self.scale_column(column))}
        for name in sorted(found - wanted):
            raise ValueError(f"the column {name!r} is neither a column of the output nor a kept field")
        for name in sorted(wanted - found):
            raise ValueError(f"the rows have no column {name!r}, which the output has")


def _own_column(name: str) -> Column:
    type_ = TYPES[name]
    if pa.types.is_large_list(type_):
        return Column(name=name, value=_VALUE_TYPES[type_.value_type], shape=(None,))
    return Column(name=name, value=_VALUE_TYPES[type_])
