"""JSON files whose errors name them."""

from __future__ import annotations

from pathlib import Path

import pytest

from albert_embed.transforms.files.json_object import read_json, read_json_object


def test_what_is_there_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"ä": [1]}', encoding="utf-8")
    assert read_json_object(path) == read_json(path) == {"ä": [1]}
    path.write_text("[1]")
    assert read_json(path) == [1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is not a JSON file: Expecting property name enclosed in double quotes"),
        (b"\xff{}", "is not a JSON file: 'utf-8' codec can't decode byte 0xff"),
        (b"[1]", "must hold a JSON object, not list$"),
        (b"null", "must hold a JSON object, not NoneType$"),
    ],
)
def test_what_is_wrong_is_said_with_the_file(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"^{path} {message}"):
        read_json_object(path)


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_json_object(tmp_path / "none.json")
