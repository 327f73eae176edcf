"""Damaged CSV: no record is lost without a failure of its own, and none takes another with it."""

from __future__ import annotations

import gzip
import io
import pickle
import random
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from albert_embed.pipeline.inputs.file_input import make_file_input
from albert_embed.pipeline.inputs.read_files import read_range
from albert_embed.pipeline.listing.input_files import list_input
from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.sources.csv_lines import CsvLines
from albert_embed.pipeline.sources.csv_records import CsvRecords
from albert_embed.pipeline.sources.csv_rows import read_csv_rows
from albert_embed.pipeline.sources.source import Source
from albert_embed.transforms.steps.failure import Failure


def read(path: Path, source: Source | None = None) -> tuple[list[tuple[bytes, bytes]], list[Failure]]:
    """Returns id and text of each row, and the failures."""
    rows: list[tuple[bytes, bytes]] = []
    failures = []
    for found in read_range(FileRange(path=str(path), name=path.name), source or CsvRecords(), RecordFields()):
        if isinstance(found, Failure):
            failures.append(found)
        else:
            ids, texts = (found.columns[name] for name in ("id", "text"))
            assert isinstance(ids, pa.Array) and isinstance(texts, pa.Array)
            rows += zip(ids.to_pylist(), texts.to_pylist(), strict=True)
    return rows, failures


def describe(failures: list[Failure], path: Path) -> list[tuple[str, str]]:
    return [(failure.reason, failure.error.removeprefix(f"{path}, ")) for failure in failures]


def test_a_quote_that_is_never_closed_costs_its_own_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    lines = ["id,text", *(f"{i},text {i}" for i in range(99))]
    lines[3] = '2,"text 2'
    path.write_text("\n".join(lines))
    rows, failures = read(path)
    assert rows == [(b"%d" % i, b"text %d" % i) for i in range(99) if i != 2]
    error = "a quote opens on line 4 and it is never closed; this line is lost, reading goes on behind line 4"
    assert describe(failures, path) == [("invalid CSV", f"line 4: {error}")]
    assert failures[0].text == b'2,"text 2\n'
    rows, failures = read(path, CsvRecords(max_lines=5))
    assert len(rows) == 98
    error = error.replace("never closed", "not closed within 5 lines (--csv-max-lines)")
    assert describe(failures, path) == [("invalid CSV", f"line 4: {error}")]


def test_the_line_where_the_last_quote_opens_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('id,text\n"a\nb","c ""d""\n3,c\n4,d\n')
    rows, failures = read(path)
    assert rows == [(b"3", b"c"), (b"4", b"d")]
    error = "a quote opens on line 3 and it is never closed; these 2 lines are lost, reading goes on behind line 3"
    assert describe(failures, path) == [("invalid CSV", f"line 2: {error}")]


def test_a_quote_that_another_record_closes(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('id,text\n1,"a\n2,b\n3,"c"\n4,"d\n5,", e"\n6,"f\ng"\n')
    rows, failures = read(path)
    assert rows == [(b"2", b"b"), (b"3", b"c"), (b"5", b", e"), (b"6", b"f\ng")]
    assert [failure.error.split(" and ")[0] for failure in failures] == [
        f"{path}, line 2: a quote opens on line 2",
        f"{path}, line 5: a quote opens on line 5",
    ]
    assert "at the next quote, on line 4: ',' expected after '\"'" in failures[0].error
    assert "3 columns, the header has 2; the record ends on line 6" in failures[1].error


def test_a_record_of_several_lines_that_fails_does_not_come_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('id,text\n1,"a\nb, c\nd",too many\n2,"a ""b""\nc" d\n3,"e\nf","g"h\n4,good\n')
    rows, failures = read(path)
    assert rows == [(b"4", b"good")]
    assert [failure.reason for failure in failures] == [
        "wrong number of columns",  # all of record 1
        "invalid CSV",  # record 2
        "wrong number of columns",  # its second line
        "invalid CSV",  # all of record 3
    ]


def test_the_rest_of_a_text_is_not_taken_for_a_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('id,text\n"a\nb\nc",x\n5,good\n6,d "e"\n')
    rows, failures = read(path, CsvRecords(max_lines=2))
    assert rows == [(b"5", b"good"), (b"6", b'd "e"')]
    error = "a quote within a field, on a line that is read as a row because a record before it failed"
    assert describe(failures, path)[2:] == [("invalid CSV", f"line 4: {error}")]


def test_the_break_of_a_file_within_a_quote_costs_no_row_before_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    lines = ["id,text", '0,"open', *(f"{i},text {i * i}" for i in range(1, 20_000))]
    whole = gzip.compress("\n".join(lines).encode())
    path.write_bytes(whole[: len(whole) // 2])
    rows, failures = read(path)
    assert len(rows) > 1000 and rows == [(b"%d" % i, b"text %d" % i**2) for i in range(1, len(rows) + 1)]
    assert [failure.reason for failure in failures] == ["invalid CSV", "broken file"]


@settings(deadline=None, max_examples=200)
@given(
    texts=st.lists(
        st.text(st.sampled_from('ab ,"é'), max_size=8).map(lambda text: f"x{text}"), min_size=1, max_size=12
    ),
    quoted=st.randoms(use_true_random=False),
    max_lines=st.integers(1, 20),
)
def test_a_damaged_record_is_one_failure_and_all_others_are_rows(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], quoted: random.Random, max_lines: int
) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    lines = [make_line(number, text, quoted) for number, text in enumerate(texts)]
    damaged = {number for number in range(len(texts)) if quoted.random() < 0.3}
    for number in damaged:
        lines[number] = damage_line(lines[number], number, quoted)
    path.write_text("\n".join(["id,text", *lines]) + quoted.choice(["", "\n"]))
    rows, failures = read(path, CsvRecords(max_lines=max_lines))
    assert rows == [(b"%d" % number, text.encode()) for number, text in enumerate(texts) if number not in damaged]
    assert [failure.error.split(":")[0] for failure in failures] == [
        f"{path}, line {number + 2}" for number in sorted(damaged)
    ]


def make_line(number: int, text: str, chance: random.Random) -> str:
    if any(mark in text for mark in ',"') or chance.random() < 0.5:
        text = '"' + text.replace('"', '""') + '"'
    return f"{number},{text}"


def damage_line(line: str, number: int, chance: random.Random) -> str:
    """Opens a quote that nothing closes, lets a column be too many, or breaks a quoted field."""
    return chance.choice([f'{number},"abc', f'"{number}', f'{number},"a""', f"{number},a,b", f'{number},"a"b'])


@settings(deadline=None, max_examples=300)
@given(content=st.text(st.sampled_from('ab,"\n\r'), max_size=60), max_lines=st.integers(1, 5))
def test_every_line_is_in_one_row_or_one_failure(
    tmp_path_factory: pytest.TempPathFactory, content: str, max_lines: int
) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_bytes(b"id,text\n" + content.encode())
    lines = CsvLines(io.BytesIO(content.encode()), max_lines)
    taken: list[int] = []
    found = read_csv_rows(lines, str(path), 2, ",")
    for _ in found:
        taken += range(lines.first, lines.last + 1)
    physical = content.splitlines()
    assert len(taken) == len(set(taken)), "a line is in two records"
    empty = {number for number, line in enumerate(physical, 1) if not line}
    assert set(taken) | empty == set(range(1, len(physical) + 1))


def test_the_option_reaches_the_reader(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('id,text\n1,"a\nb\nc"\n')
    options = EmbedOptions(model="m", input=(str(path),), output="o", csv_max_lines=2)
    given_ = make_file_input(list_input(options.input).files, options)
    assert read(path, pickle.loads(pickle.dumps(given_.source)))[0] == []
    assert read(path)[0] == [(b"1", b"a\nb\nc")]
    with pytest.raises(ValueError, match="--csv-max-lines must be at least 1, not 0"):
        EmbedOptions(model="m", input=("a",), output="o", csv_max_lines=0)
