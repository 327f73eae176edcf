"""How the code is laid out: small files, rooms that say what they are, one import of each module."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import albert_embed
from tests.tiny_model import ROOT

FOLDERS = ("pipeline", "model", "transforms")
PACKAGE = sorted(
    [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")] + [*(ROOT / "src/albert_embed").glob("*.py")]
)
ROOMS = sorted(path for folder in FOLDERS for path in (ROOT / folder).iterdir() if (path / "__init__.py").exists())
MAX_LINES = 299


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_no_file_is_long() -> None:
    lines = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE}
    assert len(lines) > 100
    assert {name for name, count in lines.items() if count > MAX_LINES} == set()


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_holds_rooms_alone(folder: str) -> None:
    files = {path.name for path in (ROOT / folder).iterdir() if path.is_file()}
    assert files <= {"__init__.py", "__main__.py"}
    assert len([room for room in ROOMS if room.parent.name == folder]) > 5


@pytest.mark.parametrize("room", ROOMS, ids=name_of)
def test_a_room_says_what_it_is_and_what_it_may_import(room: Path) -> None:
    introduction = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8")))
    assert introduction
    assert introduction.splitlines()[0].endswith(".")
    assert "May import " in introduction or "lowest room" in introduction


@pytest.mark.parametrize("room", ROOMS, ids=name_of)
def test_a_room_imports_what_it_says_and_nothing_else(room: Path) -> None:
    floors = list_floors(room.parent.name)
    introduction = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8"))) or ""
    said = introduction.partition("May import ")[2].replace("every other room", ", ".join(floors))
    named = {word for word in re.findall(r"\w+", said) if word in floors}
    below = {name for name in floors if "and below" in said and floors[name] > min(floors[word] for word in named)}
    imports = re.compile(rf"^ *from albert_embed\.{room.parent.name}\.(\w+)", re.MULTILINE)
    imported = {name for path in room.glob("*.py") for name in imports.findall(path.read_text(encoding="utf-8"))}
    assert imported - {room.name} <= named | below


def list_floors(folder: str) -> dict[str, int]:
    """Returns room → its floor, counted from the top."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (layers,) = (each["layers"] for each in contracts if each.get("containers") == [f"albert_embed.{folder}"])
    return {room: floor for floor, layer in enumerate(layers) for room in layer.split(" | ")}


def test_a_room_is_of_a_dozen_files_at_most() -> None:
    counts = {name_of(room): len([path for path in room.glob("*.py") if path.name != "__init__.py"]) for room in ROOMS}
    assert min(counts.values()) >= 4
    assert {name for name, count in counts.items() if count > 12} == set()


def test_every_module_says_what_it_is() -> None:
    silent = [path for path in PACKAGE if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert [name_of(path) for path in silent] == []


def test_every_exported_name_is_there() -> None:
    assert albert_embed.__all__ == sorted(albert_embed.__all__)
    assert [name for name in albert_embed.__all__ if getattr(albert_embed, name, None) is None] == []
    assert set(albert_embed.__all__) <= set(dir(albert_embed))
    with pytest.raises(AttributeError, match=r"^module 'albert_embed' has no attribute 'EmbedTexts'$"):
        albert_embed.EmbedTexts  # noqa: B018


def test_no_program_in_a_test_imports_a_second_copy() -> None:
    """The linter's ban does not see the programs that tests hold as text."""
    banned = re.compile(r"\b(import|from) (.*, *)?(pipeline|model|transforms)\b(?! import)")
    found = [
        f"{name_of(path)}: {line}"
        for folder in ("tests", "benchmarks", "examples")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if banned.match(line.strip())
    ]
    assert found == []


@pytest.mark.integration
def test_each_module_is_imported_once_and_under_one_name(tiny_model: Path, tmp_path: Path) -> None:
    """After a whole run of the command, no file of the package stands under two names in `sys.modules`."""
    program = f"""
import collections, pathlib, runpy, sys
sys.argv[0] = "albert-embed"
try:
    runpy.run_module("albert_embed", run_name="__main__")
except SystemExit as e:
    assert not e.code, e.code
files = collections.defaultdict(list)
for name, module in list(sys.modules.items()):
    file = getattr(module, "__file__", None)
    if file and pathlib.Path(file).resolve().is_relative_to({str(ROOT)!r}) and "/.venv/" not in file:
        files[pathlib.Path(file).resolve()].append(name)
assert len(files) > 80, len(files)
print([names for names in files.values() if len(names) != 1 or not names[0].startswith("albert_embed")])
"""
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("One line.\nAnother.\n")
    command = ["embed", "--model", tiny_model, "--input", corpus, "--output", tmp_path / "output"]
    # From the repository's root, which `-c` puts on sys.path: there a second copy would be found.
    finished = subprocess.run(
        [sys.executable, "-c", program, *map(str, command)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines()[-1] == "[]"
