"""`TableLayout`: which columns the rows have in BigQuery, and of what types."""

from __future__ import annotations

import dataclasses
import re

import pyarrow as pa

from albert_embed.pipeline.settings.field_type import FieldType
from albert_embed.transforms.columns import (
    CONTENT_HASH,
    ID,
    MEAN_OUTPUT,
    POOLED_OUTPUT,
    SEQUENCE_OUTPUT,
    TRUNCATED,
    WINDOW,
    WINDOW_START,
)

TOKENS = "tokens"
FINGERPRINT = "fingerprint"
LOADED_AT = "loaded_at"
KEY_COLUMNS = (ID, WINDOW)
_EMBEDDINGS = (POOLED_OUTPUT, MEAN_OUTPUT, SEQUENCE_OUTPUT)
# What of a row's values says that it need not be written again.
VERSION_COLUMNS = (CONTENT_HASH, FINGERPRINT)
# https://cloud.google.com/bigquery/docs/schemas#column_names
_COLUMN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,299}")
_FORBIDDEN_PREFIXES = ("_TABLE_", "_FILE_", "_PARTITION", "_ROW_TIMESTAMP", "__ROOT__", "_COLIDENTIFIER")
_BIGQUERY_TYPES = {
    pa.string(): "STRING",
    pa.int64(): "INTEGER",
    pa.float32(): "FLOAT",
    pa.binary(): "BYTES",
    pa.bool_(): "BOOLEAN",
    pa.timestamp("us", tz="UTC"): "TIMESTAMP",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableColumn:
    """A column as BigQuery describes it.

    Attributes:
      name: its name.
      type: its type in the API's words: STRING, INTEGER, FLOAT, BYTES, TIMESTAMP or RECORD.
      mode: NULLABLE, REQUIRED or REPEATED.
      fields: those of a RECORD.
    """

    name: str
    type: str
    mode: str
    fields: tuple[TableColumn, ...] = ()

    def describe(self) -> str:
        """Its type in GoogleSQL's words, such as `ARRAY<FLOAT64>`."""
        sql = {"INTEGER": "INT64", "FLOAT": "FLOAT64"}.get(self.type, self.type)
        if self.type == "RECORD":
            inner = ", ".join(f"{field.name} {field.describe()}" for field in self.fields)
            sql = f"STRUCT<{inner}>"
        return f"ARRAY<{sql}>" if self.mode == "REPEATED" else sql


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableLayout:
    """The columns of a table of embeddings.

    Attributes:
      embeddings: the embedding columns that the rows have, such as `pooled_output`; `sequence_output` becomes the
        column `tokens`, an array of one STRUCT a token.
      hidden_size: width of every vector.
      kept: the fields that are passed through, with their types (`pipeline.settings.kept_fields`).
      token_spans: whether each token's bytes in the text are there (`--tokens`).

    Raises:
      ValueError: where an embedding is none of a row, or a kept field has a name that BigQuery refuses or that a column
        of the table itself has.
    """

    embeddings: tuple[str, ...]
    hidden_size: int
    kept: dict[str, FieldType] = dataclasses.field(default_factory=dict)
    token_spans: bool = False

    def __post_init__(self) -> None:
        for name in self.embeddings:
            if name not in _EMBEDDINGS:
                raise ValueError(f"a table has no column for {name}, only for {', '.join(_EMBEDDINGS)}")
        own = {column.lower() for column in self._own_schema().names} | {TOKENS, FINGERPRINT, LOADED_AT}
        for name in self.kept:
            if not _COLUMN_NAME.fullmatch(name) or name.upper().startswith(_FORBIDDEN_PREFIXES):
                raise ValueError(
                    f"--keep-fields has {name!r}, which can't be a column of BigQuery: letters, digits and _, no digit "
                    f"first, 300 at most, and none of the beginnings {', '.join(_FORBIDDEN_PREFIXES)}; rename the field"
                )
            if name.lower() in own:
                raise ValueError(
                    f"--keep-fields has {name!r}, which is a column of the BigQuery table itself; rename the field"
                )
        lowered = [name.lower() for name in self.kept]
        for name in self.kept:
            if lowered.count(name.lower()) > 1:
                raise ValueError(
                    f"--keep-fields has {name!r} twice for BigQuery, whose column names know no case; rename the field"
                )

    @property
    def vectors(self) -> tuple[str, ...]:
        """The columns of one vector a row, which can be indexed."""
        return tuple(name for name in self.embeddings if name != SEQUENCE_OUTPUT)

    @property
    def has_tokens(self) -> bool:
        """Whether there is the column `tokens`."""
        return SEQUENCE_OUTPUT in self.embeddings or self.token_spans

    @property
    def arrow_schema(self) -> pa.Schema:
        """The rows as they are loaded: every column but `loaded_at`, which BigQuery fills."""
        schema = self._own_schema()
        for name, type_ in self.kept.items():
            one = pa.type_for_alias(type_.value.stored)
            schema = schema.append(pa.field(name, pa.list_(one) if type_.is_list else one))
        for name, type_ in ((CONTENT_HASH, pa.binary()), (FINGERPRINT, pa.string())):
            schema = schema.append(pa.field(name, type_))
        return schema

    def _own_schema(self) -> pa.Schema:
        fields = [
            pa.field(ID, pa.string()),
            *(pa.field(name, pa.int64()) for name in (WINDOW, WINDOW_START, TRUNCATED)),
            *(pa.field(name, pa.list_(pa.float32())) for name in self.vectors),
        ]
        if self.has_tokens:
            token = [pa.field("id", pa.int64()), pa.field("piece", pa.string())]
            if self.token_spans:
                token += [pa.field("start", pa.int64()), pa.field("end", pa.int64())]
            if SEQUENCE_OUTPUT in self.embeddings:
                token.append(pa.field("embedding", pa.list_(pa.float32())))
            fields.append(pa.field(TOKENS, pa.list_(pa.struct(token))))
        return pa.schema(fields)

    def staged_columns(self) -> tuple[TableColumn, ...]:
        """The columns of the table that is loaded first: none is REQUIRED, as the columns of Parquet files are not."""
        return describe_schema(self.arrow_schema)

    def columns(self) -> tuple[TableColumn, ...]:
        """The columns of the table itself; all that every row has are REQUIRED."""
        kept = set(self.kept)
        loaded_at = TableColumn(name=LOADED_AT, type="TIMESTAMP", mode="REQUIRED")
        return (
            *(
                column
                if column.mode == "REPEATED" or column.name in kept
                else dataclasses.replace(column, mode="REQUIRED")
                for column in self.staged_columns()
            ),
            loaded_at,
        )


def describe_schema(schema: pa.Schema) -> tuple[TableColumn, ...]:
    """The columns of a table that Parquet files of this schema are loaded into."""
    return tuple(_describe_column(field) for field in schema)


def _describe_column(field: pa.Field) -> TableColumn:
    """An Arrow field as a column."""
    type_, mode = field.type, "NULLABLE"
    if pa.types.is_list(type_):
        type_, mode = type_.value_type, "REPEATED"
    if pa.types.is_struct(type_):
        inner = tuple(_describe_column(type_.field(number)) for number in range(type_.num_fields))
        return TableColumn(name=field.name, type="RECORD", mode=mode, fields=inner)
    return TableColumn(name=field.name, type=_BIGQUERY_TYPES[type_], mode=mode)


def compare_columns(wanted: tuple[TableColumn, ...], found: tuple[TableColumn, ...]) -> list[str]:
    """What keeps rows of the columns `wanted` out of a table with the columns `found`, in words, one for each.

    Columns that the table has beyond them are left null, so they must not be REQUIRED. Case and order do not matter.
    """
    differences = []
    by_name = {column.name.lower(): column for column in found}
    for column in wanted:
        other = by_name.pop(column.name.lower(), None)
        if other is None:
            differences.append(f"it has no column {column.name}, which is {column.describe()} here")
        elif _canonical(column) != _canonical(other):
            differences.append(f"its column {column.name} is {other.describe()}; here it is {column.describe()}")
    for column in by_name.values():
        if column.mode == "REQUIRED":
            differences.append(f"its column {column.name} is REQUIRED, and no row here has it")
    return differences


def _canonical(column: TableColumn) -> tuple[object, ...]:
    """What must be equal: name, type, whether it is an array, and the fields; not whether nulls are allowed."""
    type_ = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "STRUCT": "RECORD"}.get(column.type, column.type)
    return (
        column.name.lower(),
        type_,
        column.mode == "REPEATED",
        tuple(sorted(_canonical(field) for field in column.fields)),
    )
