"""One voice in all docstrings: functions are described in the third person ("Returns …"), properties by a noun."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tiny_model import ROOT

_FOLDERS = ("pipeline", "transforms", "model", "benchmarks", "examples")
FILES = sorted(path for folder in _FOLDERS for path in (ROOT / folder).rglob("*.py"))
# Words that end like a verb in the third person and are none: such a docstring names what it should describe.
_NOUNS = set(
    [
        "As",
        "Batches",
        "Bytes",
        "Columns",
        "Documents",
        "Failures",
        "Fields",
        "Files",
        "Its",
        "Keys",
        "Lengths",
        "Operations",
        "Options",
        "Records",
        "Rows",
        "Seconds",
        "Shards",
        "Statistics",
        "Texts",
        "This",
        "Threads",
        "Tokens",
        "Values",
        "Vectors",
        "Weights",
        "Windows",
    ]
)


def find_wrong_docstrings(source: str) -> Iterator[str]:
    """Yields the first lines of functions' docstrings that don't begin with a verb in the third person."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef) or any(
            "property" in ast.unparse(name) for name in node.decorator_list
        ):
            continue
        docstring = ast.get_docstring(node)
        if docstring is None or docstring.startswith("See `"):  # a method that its base class describes
            continue
        first_word = docstring.split()[0].rstrip(".,;:")
        if re.fullmatch(r"[A-Z][a-z-]*s", first_word) is None or first_word in _NOUNS:
            yield docstring.splitlines()[0]


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_functions_are_described_in_the_third_person(file: Path) -> None:
    assert list(find_wrong_docstrings(file.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "line", ["The rows.", "Return the rows.", "Rows of a file.", "`x` as text.", "float32 to float16."]
)
def test_another_voice_is_found(line: str) -> None:
    assert list(find_wrong_docstrings(f'def f():\n    """{line}\n\n    More.\n    """')) == [line]


def test_properties_and_classes_are_described_by_nouns() -> None:
    source = 'class A:\n    """A thing."""\n    @property\n    def b(self):\n        """The part."""\n'
    assert list(find_wrong_docstrings(source)) == []
