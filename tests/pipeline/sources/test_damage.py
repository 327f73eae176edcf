"""Random damage: every record of a file becomes a document or a failure, or the file says that it is broken.

What can't be known is not asked for: a bit that turns one text into another, or a file that ends where a record does.
"""

from __future__ import annotations

import io
import json
import re
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from albert_embed.pipeline.inputs.read_files import read_range
from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records
from albert_embed.pipeline.sources.registry import SOURCES
from albert_embed.pipeline.storage.open_input import BrokenFileError, open_input
from albert_embed.pipeline.storage.tfrecord_framing import frame_records
from tests.pipeline.sources.test_sources import make_example
from tests.pipeline.storage.test_open_input import COMPRESS

COUNT = 60
TEXTS = [f"text {number} " + "x" * (number % 30) for number in range(COUNT)]
RECORDS = [{"id": number, "text": text} for number, text in enumerate(TEXTS)]
# Compressions that have a checksum of what they hold.
CHECKED = ("", ".gz", ".bz2", ".xz")


def write_avro() -> bytes:
    sink = io.BytesIO()
    fields = [{"name": "id", "type": "long"}, {"name": "text", "type": "string"}]
    fastavro.writer(sink, {"type": "record", "name": "R", "fields": fields}, RECORDS, sync_interval=300)
    return sink.getvalue()


def write_parquet(**options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(RECORDS), sink, row_group_size=20, **options)
    return sink.getvalue()


CONTENTS = {
    "text": "".join(f"{text}\n" for text in TEXTS).encode(),
    "jsonl": "".join(json.dumps(record) + "\n" for record in RECORDS).encode(),
    "json": json.dumps(RECORDS, indent=1).encode(),
    "csv": ("id,text\n" + "".join(f"{record['id']},{record['text']}\n" for record in RECORDS)).encode(),
    "tsv": ("id\ttext\n" + "".join(f"{record['id']}\t{record['text']}\n" for record in RECORDS)).encode(),
    "avro": write_avro(),
    "tfrecord": frame_records([make_example(id=record["id"], text=str(record["text"]).encode()) for record in RECORDS]),
    "parquet": write_parquet(write_page_checksum=True),
}
FORMATS = [name for name in SOURCES if name != "files"]


@st.composite
def damages(draw: st.DrawFn, content: bytes) -> bytes:
    """The content with one damage: a bit flipped, the rest cut off, bytes inserted, removed or overwritten."""
    place = draw(st.integers(0, len(content) - 1))
    before, after = content[:place], content[place:]
    kind = draw(st.sampled_from(["flip", "cut", "insert", "remove", "overwrite"]))
    if kind == "flip":
        return before + bytes([after[0] ^ 1 << draw(st.integers(0, 7))]) + after[1:]
    if kind == "cut":
        return before
    garbage = draw(st.binary(min_size=1, max_size=20))
    if kind == "insert":
        return before + garbage + after
    return before + (garbage if kind == "overwrite" else b"") + after[len(garbage) :]


def read(path: Path, format_: str) -> tuple[list[str], Counter[str]]:
    """Returns the texts of the records, and how many failures there are of each reason."""
    texts: list[str] = []
    failures: Counter[str] = Counter()
    for found in read_range(FileRange(path=str(path), name=path.name), SOURCES[format_], RecordFields()):
        if isinstance(found, Records):
            column = found.columns.get("text", [None] * len(found.positions))
            values = column.cast(pa.large_binary()).to_pylist() if isinstance(column, pa.Array) else column
            assert len(values) == len(found.positions)
            texts += [value.decode(errors="replace") if isinstance(value, bytes) else str(value) for value in values]
        else:
            failures[found.reason] += 1
    return texts, failures


def read_content(path: Path) -> tuple[bytes, bool]:
    """Returns what is decompressed of a file, and whether it breaks then."""
    content = b""
    with open_input(str(path)) as file:
        try:
            while piece := file.read(1 << 16):
                content += piece
        except BrokenFileError:
            return content, True
    return content, False


def count_lines(content: bytes, format_: str, *, is_whole: bool) -> int:
    """Counts the records of a file of lines, as anybody would: what follows the last line of a broken file is none."""
    ends = rb"\r\n|\r|\n" if format_ in ("csv", "tsv") else rb"\n"
    lines = re.split(ends, content.removeprefix(b"\xef\xbb\xbf"))
    if not is_whole or not lines[-1]:
        del lines[-1]
    if format_ == "text":
        return len(lines)
    lines = [line for line in lines if line.strip(b" \t\r\n\f\v")] if format_ == "jsonl" else list(filter(None, lines))
    return len(lines) - bool(lines and format_ in ("csv", "tsv"))  # the header


@pytest.mark.parametrize("ending", ["", *COMPRESS])
@pytest.mark.parametrize("format_", FORMATS)
def test_what_is_whole_is_read_whole(tmp_path: Path, format_: str, ending: str) -> None:
    if ending and not SOURCES[format_].is_compressible:
        pytest.skip("it is refused")
    path = tmp_path / f"a{ending}"
    path.write_bytes(COMPRESS[ending](CONTENTS[format_]) if ending else CONTENTS[format_])
    assert read(path, format_) == (TEXTS, Counter())


@pytest.mark.parametrize("ending", ["", *COMPRESS])
@pytest.mark.parametrize("format_", FORMATS)
@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_no_record_is_lost_without_a_word(format_: str, ending: str, data: st.DataObject) -> None:
    if ending and not SOURCES[format_].is_compressible:
        return
    content = COMPRESS[ending](CONTENTS[format_]) if ending else CONTENTS[format_]
    damaged = data.draw(damages(content))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{ending}"
        path.write_bytes(damaged)
        texts, failures = read(path, format_)
        found, breaks = read_content(path)
    broken, others = failures["broken file"], failures.total() - failures["broken file"]
    if broken:
        # Nothing is made up, but for what was inserted; or the compression has no checksum and gives anything.
        assert len(texts) + others <= COUNT + 20 or ending not in CHECKED
        return
    assert not breaks  # which would have been said
    if format_ in ("text", "jsonl"):
        assert len(texts) + others == count_lines(found, format_, is_whole=True)
    elif format_ in ("csv", "tsv"):
        # A quote that was inserted may close another that was; then lines lie within a field, as CSV has it.
        lines = count_lines(found, format_, is_whole=True)
        assert len(texts) + others == lines or found.count(b'"') > 1
    elif found == CONTENTS[format_]:
        assert texts == TEXTS and not others
    elif format_ == "tfrecord":  # of which every byte is checked; it may end between two records
        assert set(texts) <= set(TEXTS) and len(texts) + others in (COUNT, found.count(b"text "))
    elif format_ == "parquet":
        assert len(texts) + others == COUNT
    elif CONTENTS[format_].startswith(found):  # cut off where a block or a value ends
        assert texts == TEXTS[: len(texts)]
    elif format_ == "json":  # where quotes are lost in pairs, a failure stands for the records between them
        assert len(texts) + others >= COUNT or others
    else:
        assert len(texts) + others >= COUNT


@pytest.mark.parametrize("ending", [ending for ending in COMPRESS if ending in CHECKED])
@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_what_a_checksum_knows_is_said(ending: str, data: st.DataObject) -> None:
    content = COMPRESS[ending](CONTENTS["jsonl"])
    damaged = data.draw(damages(content).filter(lambda damaged: damaged != content))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{ending}"
        path.write_bytes(damaged)
        texts, failures = read(path, "jsonl")
    assert failures or texts == TEXTS or not damaged
