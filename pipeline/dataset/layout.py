"""Where the files of a dataset are, below its directory.

Rows are in folders of their own, which readers of other programs take as they are. They skip what starts with `_`.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from albert_embed.pipeline.shards.data_file import DataFile

MANIFEST_FILE = "manifest.json"
CLAIM_FILE = "_claim.json"
VERSIONS = "_versions"
STAGING = "_staging"
ROWS_SCHEMA_FILE = "_schema/rows.pbtxt"
DOCUMENTS_SCHEMA_FILE = "_schema/documents.pbtxt"

# The lists of files in a manifest → the folder of each file, where `{format}` is that of its rows.
FOLDERS = {
    "shards": "{format}",
    "index_shards": "_index",
    "document_shards": "documents/{format}",
    "tombstone_shards": "_tombstones",
    "failure_shards": "_failures",
    "search_index_files": "_search",
}

_NAME = r"g\d+-[0-9a-f]+-\d+-of-\d+"
_DATA_FILE = re.compile(
    r"^(?:tfrecord|parquet|documents/tfrecord|documents/parquet|_index|_tombstones|_failures|_search)"
    rf"/{_NAME}\.(?:tfrecord|parquet|jsonl|usearch)$"
)
_FILE_OF_RECORDS = re.compile(rf".*/{_NAME}\.(?:tfrecord|parquet|jsonl)", re.DOTALL)
_VERSION_FILE = re.compile(rf"^{VERSIONS}/(\d+)\.json$")
# What another program on the way to a new file may leave (`transforms.files.create_file`).
_UNFINISHED_FILE = re.compile(r"\.[0-9a-f]+\.unfinished$")


def is_own_file(name: str) -> bool:
    """Returns whether a file of a dataset can have this name, relative to its directory."""
    return (
        name in (MANIFEST_FILE, CLAIM_FILE, ROWS_SCHEMA_FILE, DOCUMENTS_SCHEMA_FILE)
        or is_data_file(name)
        or is_staged(name)
        or bool(_VERSION_FILE.match(name) or _UNFINISHED_FILE.search(name))
    )


def is_data_file(name: str) -> bool:
    """Returns whether a file of this name is named by a manifest, while its version is there."""
    return bool(_DATA_FILE.match(name))


def find_possible_outputs(paths: Iterable[str]) -> set[str]:
    """Returns the folders that may be outputs, told by files in them: those two and three above names of an output's.

    Args:
      paths: of files anywhere.
    """
    folders = {posixpath.dirname(path) for path in paths if _FILE_OF_RECORDS.fullmatch(path)}
    above = {posixpath.dirname(folder) for folder in folders}
    return above | {posixpath.dirname(folder) for folder in above}


def is_staged(name: str) -> bool:
    """Returns whether a file of this name belongs to a run that is not published."""
    return name.startswith(STAGING + "/")


def find_version_number(name: str) -> int | None:
    """Returns the number of the version that a file of this name describes; None if it describes none."""
    found = _VERSION_FILE.match(name)
    return int(found[1]) if found else None


def version_file(number: int) -> str:
    """Returns the name of the file that describes a version."""
    return f"{VERSIONS}/{number}.json"


def name_published(kind: str, files: Sequence[DataFile], *, generation: int, run: str) -> list[DataFile]:
    """Returns files with the names that they get when they are published; those that are published stay as they are.

    A file becomes `tfrecord/g2-3f9a1c2b-00000-of-00003.tfrecord`: the second version, by a run whose name ends in
    3f9a1c2b. So no two runs give a file the same name. What differs only in its format has the same number.

    Args:
      kind: a key of `FOLDERS`.
      files: of this kind, in the order of their numbers within a format.
      generation: of the version that publishes them.
      run: the name of the run.
    """
    new = [file for file in files if not file.is_published]
    counts: dict[str | None, int] = {}
    for file in new:
        counts[file.format] = counts.get(file.format, 0) + 1
    numbers = dict.fromkeys(counts, 0)
    published = []
    for file in files:
        if not file.is_published:
            number = numbers[file.format]
            numbers[file.format] += 1
            folder = FOLDERS[kind].format(format=file.format)
            ending = PurePosixPath(file.path).suffix
            name = f"g{generation}-{run.rpartition('-')[2]}-{number:05d}-of-{counts[file.format]:05d}{ending}"
            file = dataclasses.replace(file, path=f"{folder}/{name}", generation=generation)
        published.append(file)
    return published
