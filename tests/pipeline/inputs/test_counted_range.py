"""How much of the input has been read, in bytes as they are stored: for every format and compression, all of it."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from albert_embed.pipeline.inputs.read_files import read_range
from albert_embed.pipeline.inputs.split_files import split_files
from albert_embed.pipeline.listing.input_files import InputFile
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.sources.registry import SOURCES
from albert_embed.transforms.steps import metrics

RECORDS = 4000
LINES = "".join(json.dumps({"text": f"a text, the number {number}"}) + "\n" for number in range(RECORDS)).encode()
COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.compress,
}


def count_read(path: Path, format_: str, range_bytes: int = 1 << 26) -> list[int]:
    """Returns how much was counted when each piece had been read, and at the end."""
    source = SOURCES[format_]
    file = InputFile(path=str(path), bytes=path.stat().st_size, modified=0, name=path.name)
    counted = []
    metrics.forget_counts()
    for part in split_files([file], splittable=source.splittable, range_bytes=range_bytes):
        for _ in read_range(part, source, RecordFields()):
            counted.append(_total())
        counted.append(_total())
    metrics.forget_counts()
    return counted


_counted = metrics._tally


def _total() -> int:
    return _counted.counts[metrics.INPUT_BYTES]


@pytest.mark.parametrize("ending", ["", ".gz", ".bz2", ".xz", ".zst"])
def test_each_compression(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"in.jsonl{ending}"
    path.write_bytes(COMPRESSIONS[ending](LINES) if ending else LINES)
    counted = count_read(path, "jsonl")
    assert counted == sorted(counted) and counted[0] > 0
    assert counted[-1] == path.stat().st_size


def test_ranges_of_one_file(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(LINES)
    counted = count_read(path, "jsonl", range_bytes=10_000)
    assert counted[-1] == len(LINES) and len(set(counted)) > 10


def test_parquet_counts_at_its_end(tmp_path: Path) -> None:
    """It is read from its end and in pieces, so that a position tells nothing."""
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"text": [f"text {number}" for number in range(RECORDS)]}), path)
    counted = count_read(path, "parquet")
    assert set(counted) == {0, path.stat().st_size} and counted[-1] > 0


def test_a_file_that_breaks_counts_whole(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl.gz"
    path.write_bytes(gzip.compress(LINES)[:-2000])
    assert count_read(path, "jsonl")[-1] == path.stat().st_size
    path.write_bytes(b"not gzip")
    assert count_read(path, "jsonl")[-1] == 8
