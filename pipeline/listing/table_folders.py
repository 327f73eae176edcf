"""Folders that are tables: of Delta Lake, Hudi, Iceberg, Hive or Paimon, or what Spark writes from a stream.

Their files also hold rows that were deleted or replaced since, or never committed; which ones count, a log says that is
not read here.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
from collections.abc import Callable, Iterator, Sequence

from albert_embed.pipeline.listing.listed_file import FoundFiles
from albert_embed.pipeline.storage.paths import show_path
from albert_embed.transforms.files.directories import is_remote

_DELTA, _HUDI, _ICEBERG = "Delta Lake", "Apache Hudi", "Apache Iceberg"
_STREAM, _HIVE, _PAIMON = "Spark Structured Streaming", "Apache Hive", "Apache Paimon"
# What can read a table's rows as they are now.
_READERS = {
    _DELTA: "the package deltalake",
    _HUDI: "the package hudi",
    _ICEBERG: "the package pyiceberg",
    _STREAM: "Spark, which reads the folder by its log,",
    _HIVE: "INSERT OVERWRITE DIRECTORY of Hive",
    _PAIMON: "the package pypaimon",
}
_LOGS = {"_delta_log": _DELTA, ".hoodie": _HUDI, "_spark_metadata": _STREAM}
_METADATA = "metadata"
# Such as `v3.metadata.json` and `00003-UUID.metadata.json`.
_METADATA_FILE = r"v?\d[^/]*\.metadata\.json"
PARTS_OF_TABLES = (*_LOGS, _METADATA)
_PART_OF_TABLE = re.compile(rf"(.*)/(?:({'|'.join(map(re.escape, _LOGS))})/.*|{_METADATA}/{_METADATA_FILE})", re.DOTALL)
# Tables whose files tell by their own paths what they are of: Hive's with transactions, and Paimon's.
_ROWS_OF_TABLE = {
    _HIVE: re.compile(r"(.*?)/(?:base_\d{7}|(?:delete_)?delta_\d{7}_\d{7}(?:_\d{4})?)(?:_v\d{7})?/.*", re.DOTALL),
    _PAIMON: re.compile(r"(.*?)/bucket-(?:\d+|postpone)/data-[0-9a-f-]{36}-\d+\.\w+", re.DOTALL),
}
# Files that the other tables are made of: where there are none of these, nothing is looked for. Spark's may be texts.
_ROW_FILES = (".parquet", ".avro", ".orc")
_SPARK_FILE = "part-"


def find_local_table(folder: str) -> str | None:
    """Returns the format of the table that a folder is; None if it is none."""
    for name, table in _LOGS.items():
        if os.path.isdir(os.path.join(folder, name)):
            return table
    with contextlib.suppress(OSError):  # there is none, or it is no folder
        if any(re.fullmatch(_METADATA_FILE, name) for name in os.listdir(os.path.join(folder, _METADATA))):
            return _ICEBERG
    return None


def find_table_of(path: str) -> tuple[str, str] | None:
    """Returns the folder and the format of the table that a file in a bucket is a part of; None if that is not told."""
    found = _PART_OF_TABLE.fullmatch(path)
    return None if found is None else (found[1], _LOGS.get(found[2], _ICEBERG))


def refuse_tables(found: Sequence[FoundFiles], find_remote_table: Callable[[str], str | None], option: str) -> None:
    """Refuses files of tables, whether a pattern names the table, folders around it, or some of its files.

    Each folder above a pattern is looked at once, however many files there are, and only where there are files that a
    table may be made of.

    Args:
      found: of all patterns.
      find_remote_table: does in buckets what `find_local_table` does here.
      option: that names the patterns.

    Raises:
      ValueError: if there is one.
    """
    tables = {folder: table for one in found for folder, table in one.tables.items()}
    roots = {
        one.root.rstrip("/") or "/" for one in found if any(_may_be_rows(file.path, _STREAM) for file in one.files)
    }
    for folder in sorted({folder for root in roots for folder in _list_folders_above(root)} - tables.keys()):
        table = (find_remote_table if is_remote(folder) else find_local_table)(folder)
        if table is not None:
            tables[folder] = table
    files = sorted({file.path for one in found for file in one.files})
    for path in files:
        for told, expression in _ROWS_OF_TABLE.items():
            if named := expression.fullmatch(path):
                tables[named[1]] = told
    for folder, table in sorted(tables.items()):
        held = [path for path in files if path.startswith(folder.rstrip("/") + "/") and _may_be_rows(path, table)]
        if held:
            raise ValueError(
                f"{option} names {show_path(held[0])}, a file of {show_path(folder)}, which is a table of {table}: its "
                "files may also hold rows that were deleted, replaced or never committed. Export the rows that it has "
                f"now, for example with {_READERS[table]}, to files elsewhere or into a pipe to --input -, and give "
                "those"
            )


def _may_be_rows(path: str, table: str) -> bool:
    """Returns whether a file in the folder of such a table can be one of those that hold its rows."""
    if table in _ROWS_OF_TABLE:
        return _ROWS_OF_TABLE[table].fullmatch(path) is not None
    return path.lower().endswith(_ROW_FILES) or (table == _STREAM and posixpath.basename(path).startswith(_SPARK_FILE))


def _list_folders_above(folder: str) -> Iterator[str]:
    """Yields a folder and those above it, in a bucket up to that."""
    while True:
        yield folder
        above = posixpath.dirname(folder)
        if above in (folder, "") or above.endswith(":/"):
            return
        folder = above
