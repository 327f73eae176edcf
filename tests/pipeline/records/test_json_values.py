"""The values of a JSON file, whatever its blocks are, and where it breaks."""

from __future__ import annotations

import io
import json
import random
from typing import Any

import pytest

from albert_embed.pipeline.records import json_values
from albert_embed.pipeline.records.json_values import read_json_values
from albert_embed.pipeline.storage.open_input import BrokenFileError


def read(content: bytes) -> tuple[list[bytes], str]:
    """Returns the values, and what broke."""
    values: list[bytes] = []
    try:
        for number, value, size in read_json_values(io.BytesIO(content)):
            assert (number, size) == (len(values), len(value))
            values.append(value)
    except BrokenFileError as e:
        return values, str(e)
    return values, ""


TEXTS = ['a "quote"', "back\\slash\\", "}", "]", "[{", "é\n", "", ",", "\u2028", '\\"']


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize("indent", [None, 2])
def test_every_value_is_read_wherever_blocks_end(monkeypatch: pytest.MonkeyPatch, block: int, indent: int) -> None:
    monkeypatch.setattr(json_values, "_READ_BYTES", block)
    chance = random.Random(0)
    records: list[Any] = [
        {"text": chance.choice(TEXTS), "more": [{chance.choice(TEXTS): 1.5e3}, [], None]} for _ in range(30)
    ]
    records += [1, "x", None, True, [2, [3]], {}]
    for bom in (b"", b"\xef\xbb\xbf \r\n"):
        values, broken = read(bom + json.dumps(records, indent=indent, ensure_ascii=False).encode() + b"\n")
        assert (list(map(json.loads, values)), broken) == (records, "")
    for joint in ("\n", "", "\n\n "):
        one_after_the_other = joint.join(json.dumps(record, indent=indent) for record in records[:30])
        values, broken = read(one_after_the_other.encode())
        assert (list(map(json.loads, values)), broken) == (records[:30], "")


@pytest.mark.parametrize("content", [b"", b" \n", b"[]", b" [ ] "])
def test_nothing(content: bytes) -> None:
    assert read(content) == ([], "")


@pytest.mark.parametrize(
    ("content", "values", "broken"),
    [
        (b"[", [], "record 0, at byte 1: the file ends before its array does"),
        (b'[{"a": 1}', [b'{"a": 1}'], "behind record 0, at byte 9: there is no comma or ]"),
        (b"[{}, ", [b"{}"], "record 1, at byte 5: the file ends before its array does"),
        (b"[{}, {", [b"{}"], "record 1, at byte 5: the file ends within it, or a quote is missing in it"),
        (b'[{}, {"a": "b}, {}]', [b"{}"], "record 1, at byte 5: the file ends within it, or a quote is missing in it"),
        (b'[{}, {"a": [1}, {}]', [b"{}"], "record 1, at byte 5: at byte 13 a } closes another bracket"),
        (b'[{}, {"a": 1, {}]', [b"{}"], "record 1, at byte 5: at byte 16 a ] closes another bracket"),
        (b"[{} {}]", [b"{}"], "behind record 0, at byte 4: there is no comma or ]"),
        (b"[{},, {}]", [b"{}"], "record 1, at byte 4: there is , where a value should be"),
        (b"[{}] {}", [b"{}"], "at byte 5: there is something behind the end of the array"),
        (b"{} ]", [b"{}"], "record 1, at byte 3: there is ] where a value should be"),
        (b"[{}, " + b"[" * 20_000, [b"{}"], "record 1, at byte 5: it is nested over 10,000 deep"),
        (b'[{}, "\\', [b"{}"], "record 1, at byte 5: the file ends within it, or a quote is missing in it"),
    ],
)
@pytest.mark.parametrize("block", [1, 1 << 20])
def test_where_it_breaks(
    monkeypatch: pytest.MonkeyPatch, content: bytes, values: list[bytes], broken: str, block: int
) -> None:
    monkeypatch.setattr(json_values, "_READ_BYTES", block)
    assert read(content) == (values, broken)


def test_only_the_start_of_a_long_value_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_values, "_READ_BYTES", 10)
    monkeypatch.setattr(json_values, "MAX_TEXT_BYTES", 100)
    values, broken = read(b'[{"a": "' + b"x" * 5000 + b'"}, {}]')
    assert (100 < len(values[0]) <= 110, values[1], broken) == (True, b"{}", "")
