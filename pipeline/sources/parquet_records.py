"""Reads Parquet files, a piece of a row group at a time, and only the columns that are needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from albert_embed.pipeline.records.batching import BATCH_RECORDS
from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.nested_fields import find_path, take_column
from albert_embed.pipeline.records.partitions import find_partitions
from albert_embed.pipeline.records.record_fields import RecordFields, find_missing_field
from albert_embed.pipeline.records.records import Records, fail_file, fail_record
from albert_embed.pipeline.sources.source import Source
from albert_embed.transforms.steps.failure import Failure

_TEXTS = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
)
# From 0001-01-01 to 9999-12-31, in days since 1970.
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
_SECONDS_OF_A_DAY = 86_400
_PARTS_OF_A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


class ParquetRecords(Source):
    """Rows of Parquet files; positions are row numbers from 0."""

    name = "parquet"
    endings = (".parquet", ".pq")
    has_schema = True
    is_compressible = False
    is_sequential = False

    def recognises(self, start: bytes) -> bool:
        return start.startswith(b"PAR1") and b"\0" in start  # a text may begin so; the first page has zeros

    def read_field_types(self, file: BinaryIO) -> dict[str, str]:
        schema = _open(file).schema_arrow
        return dict(_name_field_types(schema))

    def read(self, file: BinaryIO, part: FileRange, fields: RecordFields) -> Iterator[Records | Failure]:
        table = _open(file)
        known = [*dict(_name_field_types(table.schema_arrow)), *find_partitions(part.path)]
        missing = find_missing_field(fields, known, "the file")
        if missing is not None:
            yield fail_file(part.path, missing)
            return
        paths = {name: find_path(table.schema_arrow, name) for name in fields.names}
        first = 0
        wanted = {name: path for name, path in paths.items() if path is not None}
        names = table.schema_arrow.names
        repeated = next((path[0] for path in wanted.values() if names.count(path[0]) > 1), None)
        if repeated is not None:
            count = names.count(repeated)
            yield fail_file(part.path, f"it names {repeated!r} {count} times; give each column a name of its own")
            return
        selected = list(map(".".join, wanted.values()))
        for batch in table.iter_batches(batch_size=BATCH_RECORDS, columns=selected):
            columns = {name: _unwrap(take_column(batch, path)) for name, path in wanted.items()}
            errors: dict[int, str] = {}
            for name, column in columns.items():
                for row in _find_out_of_range(column):
                    errors.setdefault(row, f"the field {name!r} is {column.type}, and out of its range")
            for row, error in sorted(errors.items()):
                yield fail_record(part.path, f"row {first + row}", "wrong type", error)
            good = np.setdiff1d(np.arange(batch.num_rows), list(errors))
            if errors:
                columns = {name: column.take(pa.array(good)) for name, column in columns.items()}
            yield Records(
                file=part.path,
                unit="row",
                positions=(first + good).tolist(),
                columns={name: _write_times(column) for name, column in columns.items()},
            )
            first += batch.num_rows
        if first != table.metadata.num_rows:
            raise ValueError(f"it has {first:,} rows, but says that there are {table.metadata.num_rows:,}")


def _open(file: BinaryIO) -> pq.ParquetFile:
    # Timestamps of 96 bits are nanoseconds by default, in which years before 1678 and after 2262 overflow.
    return pq.ParquetFile(
        pa.PythonFile(file, mode="r"), page_checksum_verification=True, coerce_int96_timestamp_unit="us"
    )


def _name_field_types(fields: Iterable[pa.Field], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yields each field with its type, and behind each struct its fields."""
    for field in fields:
        yield prefix + field.name, name_arrow_type(field.type)
        if pa.types.is_struct(field.type):
            yield from _name_field_types(field.type.fields, f"{prefix}{field.name}.")


def _unwrap(column: pa.Array) -> pa.Array:
    """Dictionaries as their values, extensions as what they are stored as, views of lists as lists; others as is."""
    if pa.types.is_dictionary(column.type):
        return _unwrap(column.dictionary_decode())
    if isinstance(column.type, pa.BaseExtensionType) and column.type != pa.uuid():
        return _unwrap(column.storage)
    return column.cast(pa.large_list(column.type.value_type)) if _is_view(column.type) else column


def _find_out_of_range(column: pa.Array) -> list[int]:
    """Finds the rows with a time that is none of a day, or with a date before the year 1 or after 9999."""
    is_list = _is_list(column.type)
    values = column.flatten() if is_list else column
    if not _is_time(values.type):
        return []
    numbers = np.asarray(values.view(pa.int32() if values.type.bit_width == 32 else pa.int64()).fill_null(0))
    first, last = _find_range(values.type)
    outside = np.flatnonzero((numbers < first) | (numbers > last))
    rows = np.asarray(pc.list_parent_indices(column))[outside] if is_list else outside
    found: list[int] = np.unique(rows).tolist()
    return found


def _find_range(type_: pa.DataType) -> tuple[int, int]:
    """Returns the first and the last number that are a date or time of a type."""
    if pa.types.is_date32(type_):
        return _FIRST_DAY, _LAST_DAY
    unit = "ms" if pa.types.is_date64(type_) else type_.unit
    day = _SECONDS_OF_A_DAY * _PARTS_OF_A_SECOND[unit]
    if pa.types.is_time(type_):
        return 0, day - 1
    return _FIRST_DAY * day, (_LAST_DAY + 1) * day - 1


def _write_times(column: pa.Array) -> pa.Array:
    """Returns dates and times, or lists of them, as strings; any other column as it is."""
    is_list = _is_list(column.type)
    type_ = column.type.value_type if is_list else column.type
    if not _is_time(type_):
        return column
    as_text = pa.large_list(pa.string()) if is_list else pa.string()
    try:
        return column.cast(as_text)
    except pa.ArrowInvalid:  # a time zone that is not known here; the values themselves are in UTC
        in_utc = pa.timestamp(type_.unit, "UTC")
        return column.cast(pa.large_list(in_utc) if is_list else in_utc).cast(as_text)


def _is_list(type_: pa.DataType) -> bool:
    is_list = pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_)
    return bool(is_list or _is_view(type_))


def _is_view(type_: pa.DataType) -> bool:
    return bool(pa.types.is_list_view(type_) or pa.types.is_large_list_view(type_))


def _is_time(type_: pa.DataType) -> bool:
    return bool(pa.types.is_date(type_) or pa.types.is_time(type_) or pa.types.is_timestamp(type_))


def name_arrow_type(type_: pa.DataType) -> str:
    """Returns the name of an Arrow type in `--keep-fields`; "?" and the type where it can't be kept."""
    types = pa.types
    if types.is_dictionary(type_):
        return name_arrow_type(type_.value_type)
    if isinstance(type_, pa.BaseExtensionType) and type_ != pa.uuid():
        return name_arrow_type(type_.storage_type)
    if _is_list(type_):
        item = name_arrow_type(type_.value_type)
        if item == "?null":
            return "?null[]"
        return f"{item}[]" if item.isalnum() else f"?{type_}"
    if types.is_null(type_):
        return "?null"
    if any(is_text(type_) for is_text in _TEXTS) or types.is_decimal(type_) or _is_time(type_) or type_ == pa.uuid():
        return "string"
    if types.is_integer(type_) or types.is_boolean(type_):
        return "int64"
    return "float" if types.is_floating(type_) else f"?{type_}"
