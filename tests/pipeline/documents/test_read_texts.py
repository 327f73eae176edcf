"""The first texts of some files, read without a pipeline."""

from __future__ import annotations

import gzip
import json
import logging
import os
import re
from pathlib import Path

import pytest

from albert_embed.pipeline.documents.read_texts import read_texts


def test_texts_of_every_format_in_the_order_of_the_files(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(json.dumps({"text": "three", "id": "x"}).encode()))
    assert read_texts([str(tmp_path)], max_texts=9, option="--texts") == [b"one", b"two", b"three"]
    assert read_texts([str(tmp_path / "*.gz")], max_texts=9, option="--texts") == [b"three"]
    assert read_texts([str(tmp_path)], max_texts=2, option="--texts") == [b"one", b"two"]


def test_what_is_no_text_is_logged_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"text": "one"}\n{"other": 1}\n{"text": "two"}\n')
    with caplog.at_level(logging.WARNING):
        assert read_texts([str(file)], max_texts=9, option="--texts") == [b"one", b"two"]
    assert f"--texts: of {file} is left out: " in caplog.text


def test_a_pattern_that_names_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"^--texts .*/none\* matches no files; give a path, a folder or a gl"):
        read_texts([str(tmp_path / "none*")], max_texts=9, option="--texts")


@pytest.mark.parametrize("kind", ["link", "pipe", "remote"])
def test_errors_name_the_option_that_was_given(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "link":
        path.symlink_to(tmp_path / "gone")
    elif kind == "pipe":
        os.mkfifo(path)
    pattern = "nowhere://texts/*" if kind == "remote" else str(path)
    with pytest.raises((OSError, ValueError), match=rf"^--texts (names )?{re.escape(pattern)}"):
        read_texts([pattern], max_texts=9, option="--texts")
