"""`TableLayout`: which columns the rows have in BigQuery, and their types."""

from __future__ import annotations

import dataclasses
import re

import pyarrow as pa

from albert_embed.pipeline.bigquery.table_column import TableColumn, describe_schema
from albert_embed.pipeline.formats.row_schema import Column, RowSchema
from albert_embed.transforms.rows.columns import CONTENT_HASH, SCALE_SUFFIX, SEQUENCE_OUTPUT

TOKENS = "tokens"
TOKEN_VECTOR = "embedding"  # in `tokens`
FINGERPRINT = "fingerprint"
LOADED_AT = "loaded_at"
# A row with equal values in these columns need not be written again.
VERSION_COLUMNS = (CONTENT_HASH, FINGERPRINT)
# https://cloud.google.com/bigquery/docs/schemas#column_names
_COLUMN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,299}")
_FORBIDDEN_PREFIXES = ("_TABLE_", "_FILE_", "_PARTITION", "_ROW_TIMESTAMP", "__ROOT__", "_COLIDENTIFIER")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableLayout:
    """The columns of a table of embeddings.

    Attributes:
      rows: the schema of the rows. Their lists with a value for each token become the column `tokens`, an array of
        STRUCTs, one for each token. A vector is an array of floats; where its elements are stored as integers, a string
        of bytes, because in an array each integer would take 8.

    Raises:
      ValueError: if a kept field has a name that BigQuery refuses or that a column of the table itself has.
    """

    rows: RowSchema

    def __post_init__(self) -> None:
        own = {field.name.lower() for field in self._own_fields()} | {TOKENS, FINGERPRINT, LOADED_AT}
        kept = list(self.rows.kept)
        for name in kept:
            if not _COLUMN_NAME.fullmatch(name) or name.upper().startswith(_FORBIDDEN_PREFIXES):
                raise ValueError(
                    f"--keep-fields has {name!r}, which can't be a column of BigQuery: letters, digits and _, no digit "
                    f"first, at most 300, and not starting with {', '.join(_FORBIDDEN_PREFIXES)}; rename the field"
                )
            if name.lower() in own:
                raise ValueError(
                    f"--keep-fields has {name!r}, which is a column of the BigQuery table itself; rename the field"
                )
        lowered = [name.lower() for name in kept]
        for name in kept:
            if lowered.count(name.lower()) > 1:
                raise ValueError(
                    f"--keep-fields has {name!r} twice for BigQuery, which ignores the case of names; rename the field"
                )

    @property
    def vectors(self) -> tuple[str, ...]:
        """The columns with one vector of floats per row, which can be indexed and searched."""
        if self.rows.vector_encoding.is_quantized:
            return ()
        return tuple(name for name in self.rows.embeddings if name != SEQUENCE_OUTPUT)

    @property
    def has_token_vectors(self) -> bool:
        """Whether each token has an embedding."""
        return SEQUENCE_OUTPUT in self.rows.embeddings

    @property
    def has_tokens(self) -> bool:
        """Whether there is the column `tokens`."""
        return self.has_token_vectors or self.rows.tokens

    @property
    def arrow_schema(self) -> pa.Schema:
        """The schema of the load files: every column except `loaded_at`, which BigQuery fills."""
        kept = [_make_field(column) for column in self.rows.columns if column.kept]
        return pa.schema(
            [*self._own_fields(), *kept, pa.field(CONTENT_HASH, pa.binary()), pa.field(FINGERPRINT, pa.string())]
        )

    def _own_fields(self) -> list[pa.Field]:
        own = [column for column in self.rows.columns if not column.kept]
        fields = []
        for column in own:
            if None not in column.shape:
                fields += self._vector_fields(column, column.name) if column.is_vector else [_make_field(column)]
        return [*fields, self._tokens_field()] if self.has_tokens else fields

    def _tokens_field(self) -> pa.Field:
        token = [pa.field("id", pa.int64()), pa.field("piece", pa.string())]
        if self.rows.tokens:
            token += [pa.field("start", pa.int64()), pa.field("end", pa.int64())]
        if self.has_token_vectors:
            (column,) = (column for column in self.rows.columns if column.name == SEQUENCE_OUTPUT)
            token += self._vector_fields(column, TOKEN_VECTOR)
        return pa.field(TOKENS, pa.list_(pa.struct(token)))

    def _vector_fields(self, column: Column, name: str) -> list[pa.Field]:
        """Returns the field of a vector under a name, and that of its scale where it has one."""
        quantized = self.rows.vector_encoding.is_quantized
        fields = [pa.field(name, pa.binary() if quantized else pa.list_(pa.float32()))]
        if self.rows.scale_column(column) is not None:
            fields.append(pa.field(name + SCALE_SUFFIX, pa.float32()))
        return fields

    def staged_columns(self) -> tuple[TableColumn, ...]:
        """Returns the columns of the staging table: none is REQUIRED, because those of Parquet files are not."""
        return describe_schema(self.arrow_schema)

    def columns(self) -> tuple[TableColumn, ...]:
        """Returns the columns of the table itself; those that every row has are REQUIRED."""
        loaded_at = TableColumn(name=LOADED_AT, type="TIMESTAMP", mode="REQUIRED")
        return (
            *(
                column
                if column.mode == "REPEATED" or column.name in self.rows.kept
                else dataclasses.replace(column, mode="REQUIRED")
                for column in self.staged_columns()
            ),
            loaded_at,
        )


def _make_field(column: Column) -> pa.Field:
    type_ = pa.type_for_alias(column.value.stored)
    return pa.field(column.name, pa.list_(type_) if column.shape else type_)
