"""`LineSource`: the lines of text files as RecordBatches, with where each line stood.

Beam's own `ReadFromText` makes a Python object of every line and forgets where it came from.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from apache_beam.io.filebasedsource import FileBasedSource
from apache_beam.io.filesystem import CompressionTypes

from albert_embed.pipeline.sources.records import LONGEST_TEXT_BYTES, fail_file
from albert_embed.pipeline.storage.open_input import BrokenFileError, open_input
from albert_embed.transforms import metrics
from albert_embed.transforms.failure import Failure

LINE = "line"
FILE = "file"
POSITION = "position"

SCHEMA = pa.schema([(LINE, pa.large_binary()), (FILE, pa.string()), (POSITION, pa.int64())])

# A RecordBatch is given out when it holds so many lines or bytes: large enough that the transform graph's cost per
# call disappears, small enough that nothing downstream holds much at a time. Measured, on one core and a tiny model:
# 4,096 lines 2.6 million tokens/s and 9 % more memory for 40,000 documents than for 2,000; 2,048 lines 2.5 million and
# 3 %; 1,024 lines 1.8 million and 2 % (python -m benchmarks.stages).
_BATCH_LINES = 2048
_BATCH_BYTES = 2 << 20
_READ_BYTES = 1 << 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class LineSource(FileBasedSource):
    """Lines of the files that match a pattern, compressed ones by their endings.

    A line ends at `\\n` or `\\r\\n`; the last may lack its end. Each RecordBatch has `line` (bytes without its end),
    `file` and `position` (the byte the line starts at; in the uncompressed content where the file is compressed).
    Where a compressed file is cut off or damaged, the lines before that are followed by one Failure.

    Args:
      pattern: a path or glob on any file system that Beam knows; a pattern that matches nothing is an OSError when the
        pipeline is built.
    """

    def __init__(self, pattern: str) -> None:
        super().__init__(pattern, compression_type=CompressionTypes.AUTO, splittable=True)

    def read_records(self, file_name: str, range_tracker: Any) -> Iterator[pa.RecordBatch | Failure]:
        with open_input(file_name) as file:
            lines = _read_lines(file, range_tracker.start_position())
            while True:
                with metrics.count_usecs(metrics.READ_USECS):
                    claimed, broken = _claim_lines(lines, range_tracker)
                if claimed:
                    yield _make_batch(file_name, claimed)
                if broken is not None:
                    yield fail_file(file_name, f"the lines before the break were read: {broken}")
                if broken is not None or not claimed:
                    break


def _claim_lines(
    lines: Iterator[tuple[int, bytes]], range_tracker: Any
) -> tuple[list[tuple[int, bytes]], BrokenFileError | None]:
    """The next lines that belong to the range, enough for a RecordBatch; none at its end. And what broke there.

    A line belongs to the range that it starts in. Every line is claimed, so that a range split off while this one is
    being read never holds a line that waits for its batch.
    """
    claimed: list[tuple[int, bytes]] = []
    size = 0
    try:
        for position, line in lines:
            if not range_tracker.try_claim(position):
                break
            if position == 0:
                line = line.removeprefix(_BYTE_ORDER_MARK)
            claimed.append((position, line))
            size += len(line)
            if len(claimed) >= _BATCH_LINES or size >= _BATCH_BYTES:
                break
    except BrokenFileError as e:
        return claimed, e
    return claimed, None


def _read_lines(file: Any, start: int) -> Iterator[tuple[int, bytes]]:
    """(position, line) of each line that starts at or after `start`.

    Of a line longer than `LONGEST_TEXT_BYTES` its start comes, longer than that by a little: no more is held.
    """
    position = start
    skipping = start > 0
    if skipping:
        # From one byte earlier: if that is a line's end, the line at `start` is ours.
        position = start - 1
        file.seek(position)
    parts: list[bytes] = []
    held = size = 0  # bytes of the line that `parts` hold, and that it has so far
    while block := file.read(_READ_BYTES):
        *ended, rest = block.split(b"\n")
        for line in ended:
            line_size = size + len(line)
            if parts:
                line = b"".join([*parts, line])
                parts, held, size = [], 0, 0
            if skipping:
                skipping = False
            else:
                yield position, line.removesuffix(b"\r")
            position += line_size + 1
        if rest:
            size += len(rest)
            if held <= LONGEST_TEXT_BYTES:
                parts.append(rest)
                held += len(rest)
    if parts and not skipping:
        yield position, b"".join(parts).removesuffix(b"\r")


def _make_batch(file_name: str, lines: list[tuple[int, bytes]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [
            pa.array([line for _, line in lines], pa.large_binary()),
            pa.array([file_name] * len(lines), pa.string()),
            pa.array([position for position, _ in lines], pa.int64()),
        ],
        schema=SCHEMA,
    )
