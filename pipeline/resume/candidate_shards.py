"""Shards that a run which was cut off may have finished, and the rows of those that are whole."""

from __future__ import annotations

import dataclasses
import io
import logging
from pathlib import PurePosixPath

import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.shards.keys import document_keys, keys_to_arrow
from albert_embed.pipeline.shards.places import KEY
from albert_embed.pipeline.shards.shard import INDEX_FORMAT, INDEX_PREFIX, Shard
from albert_embed.pipeline.shards.shard_index import read_index
from albert_embed.transforms.files.directories import read_file
from albert_embed.transforms.files.literal_files import list_files
from albert_embed.transforms.rows.columns import CONTENT_HASH, ID, INPUT_POSITION, INPUT_RANGE, WINDOW, WINDOW_COUNT

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True, order=True)
class CandidateShard:
    """A shard whose index was found. They are in the order in which they are preferred.

    Attributes:
      attempt: the number of the run that wrote it: earlier ones first.
      modified: when its index was written, seconds since 1970.
      index: the path of its index.
      sizes: name → bytes of the files that may be its own, as pairs.
    """

    attempt: int
    modified: float
    index: str
    sizes: tuple[tuple[str, int], ...] = ()


def list_candidates(directory: str, attempt: int = 0) -> list[CandidateShard]:
    """Lists the shards in a staging folder that have an index, by name.

    Args:
      directory: the folder of a run.
      attempt: the number of that run.
    """
    found = [file for file in list_files(directory) if "/" not in file.name]
    sizes: dict[str, list[tuple[str, int]]] = {}
    for file in found:
        sizes.setdefault(_name_shard(file.name), []).append((file.name, file.bytes))
    return [
        CandidateShard(
            attempt=attempt,
            modified=file.modified,
            index=FileSystems.join(directory, file.name),
            sizes=tuple(sizes[_name_shard(file.name)]),
        )
        for file in found
        if is_index(file.name)
    ]


def is_index(name: str) -> bool:
    """Returns whether a file of this name is the index of a shard."""
    return name.startswith(f"{INDEX_PREFIX}-") and name.endswith(f".{INDEX_FORMAT}")


def read_candidate(candidate: CandidateShard) -> tuple[Shard, pa.Table] | None:
    """Reads a shard that is whole: its index can be read, and its data files have the sizes that stand there.

    Returns:
      The shard, and `FINISHED_SCHEMA` of its rows with `input_range`; None, and a warning, where it can't be used.
    """
    try:
        shard, rows = read_finished_rows(candidate.index)
    except (ValueError, FileNotFoundError) as e:  # a worker of that run may still remove files
        logger.warning("%s is not used: %s", candidate.index, e)
        return None
    sizes = dict(candidate.sizes)
    if PurePosixPath(candidate.index).name != shard.index_file or any(
        sizes.get(shard.data_file(format_name)) != size for format_name, size in shard.file_bytes.items()
    ):
        return None  # the run was killed while the shard was moved to its place, or published
    return shard, rows


def read_finished_rows(index: str) -> tuple[Shard, pa.Table]:
    """Reads a shard, with the run whose folder it is in, and `FINISHED_SCHEMA` of its rows with `input_range`.

    Args:
      index: path of its index.

    Raises:
      ValueError: if it is no index, or does not say where in the input the rows come from.
    """
    content = read_file(index)
    shard, rows = read_index(io.BytesIO(content))
    if rows[INPUT_RANGE].null_count or rows[INPUT_POSITION].null_count:
        raise ValueError("it does not say where in the input its rows come from")
    keys = keys_to_arrow(document_keys(rows[ID], rows[CONTENT_HASH]))
    shard = dataclasses.replace(shard, run=PurePosixPath(index).parent.name, index_bytes=len(content))
    return shard, pa.table(
        {
            INPUT_RANGE: rows[INPUT_RANGE],
            INPUT_POSITION: rows[INPUT_POSITION],
            KEY: keys,
            WINDOW: rows[WINDOW],
            WINDOW_COUNT: rows[WINDOW_COUNT],
        }
    )


def _name_shard(file_name: str) -> str:
    """Returns what the names of a shard's files have in common."""
    return PurePosixPath(file_name).stem.partition("-")[2]
