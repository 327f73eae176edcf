"""Files in ranges that several workers can read."""

from __future__ import annotations

from collections.abc import Sequence

from albert_embed.pipeline.listing.input_files import InputFile
from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.storage.open_input import is_compressed
from albert_embed.transforms.files.directories import is_remote

# Each worker gets several ranges, so that none waits long for the last; a smaller range costs more than it spreads, and
# a larger one is long to read again where a worker dies.
_RANGES_PER_WORKER = 8
_UNKNOWN_WORKERS = 16
_MIN_RANGE_BYTES = 256 << 10
_MIN_REMOTE_RANGE_BYTES = 16 << 20  # Beam reads as much of a file in a bucket at least
MAX_RANGE_BYTES = 64 << 20
# About how many times larger the content of a compressed file is: text as gzip or zstd has it.
_COMPRESSION = 4


def choose_range_bytes(files: Sequence[InputFile], workers: int | None) -> int:
    """Chooses the length of a range, which changes no record and no position.

    A run that is continued keeps the length that it began with (`resume.start_run`), whatever its workers are now.

    Args:
      files: the files to read.
      workers: how many read at the same time; None where that is not known.
    """
    share = sum(file.bytes for file in files) // (_RANGES_PER_WORKER * (workers or _UNKNOWN_WORKERS))
    least = _MIN_REMOTE_RANGE_BYTES if any(is_remote(file.path) for file in files) else _MIN_RANGE_BYTES
    return min(max(share, least), MAX_RANGE_BYTES)


def estimate_content(file: InputFile) -> int:
    """Returns about how many bytes the content of a file has."""
    return file.bytes * (_COMPRESSION if is_compressed(file.path) else 1)


def split_files(files: Sequence[InputFile], *, splittable: bool, range_bytes: int = MAX_RANGE_BYTES) -> list[FileRange]:
    """Divides all files into ranges, which together have every byte once.

    Args:
      files: the files to read; one that is listed twice is read twice.
      splittable: whether files that are not compressed may be split.
      range_bytes: maximum length of a range.
    """
    ranges = []
    for file in files:
        starts = [0]
        if splittable and not is_compressed(file.path):
            starts = _cut_evenly(file.bytes, range_bytes)
        for start, stop in zip(starts, [*starts[1:], None], strict=True):
            length = (file.bytes if stop is None else stop) - start
            ranges.append(
                FileRange(
                    path=file.path,
                    name=file.name,
                    start=start,
                    stop=stop,
                    stored_bytes=length,
                    version=file.version,
                )
            )
    return ranges


def _cut_evenly(size: int, longest: int) -> list[int]:
    """Returns where ranges of at most `longest` bytes start: an even number of the same length, if one is too few.

    A worker that has a range more than another, or a range of full length where the other has the rest, works for
    longer; with few ranges by much.
    """
    count = -(-size // longest)
    if count <= 1:
        return [0]
    count += count % 2
    length = -(-size // count)
    return list(range(0, size, length))
