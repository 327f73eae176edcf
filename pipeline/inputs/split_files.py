"""Files in ranges that several workers can read."""

from __future__ import annotations

from collections.abc import Sequence

from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.storage.input_files import InputFile
from albert_embed.pipeline.storage.open_input import is_compressed

RANGE_BYTES = 64 << 20


def split_files(files: Sequence[InputFile], *, splittable: bool, range_bytes: int = RANGE_BYTES) -> list[FileRange]:
    """Divides all files into ranges, which together have every byte once.

    Args:
      files: the files to read; one that is listed twice is read twice.
      splittable: whether files that are not compressed may be split.
      range_bytes: length of a range.
    """
    ranges = []
    for file in files:
        starts = [0]
        if splittable and not is_compressed(file.path):
            starts = list(range(0, max(file.bytes, 1), range_bytes))
        for start, stop in zip(starts, [*starts[1:], None], strict=True):
            ranges.append(FileRange(path=file.path, name=file.name, start=start, stop=stop))
    return ranges
