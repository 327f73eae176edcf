"""What is written down twice is the same in both places: checks, and versions."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

from tests.tiny_model import ROOT

# Folders with the pins of an environment of its own.
ENVIRONMENTS = ("tests/emulators", "deploy/schedule/airflow", "docs")
CONSTRAINTS = ("constraints.txt", *(f"{folder}/constraints.txt" for folder in ENVIRONMENTS))


def read_pins(path: Path) -> set[tuple[str, str]]:
    """Returns (name, version) of every line of a requirements or constraints file; a name may have several."""
    lines = [line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    pins = [re.match(r"([a-z0-9.-]+)==([0-9a-z.]+)( ;|$)", line) for line in lines if line]
    assert all(pins), [line for line, pin in zip(filter(None, lines), pins, strict=True) if not pin]
    return {(pin[1], pin[2]) for pin in pins if pin}


def test_the_hooks_are_the_checks_of_make_lint() -> None:
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert recipe
    checks = [line.strip().replace("$(VENV)", ".venv") for line in recipe[1].splitlines()]
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert repository["repo"] == "local"
    assert [hook["entry"] for hook in repository["hooks"]] == checks
    assert {(hook["language"], hook["pass_filenames"]) for hook in repository["hooks"]} == {("system", False)}
    assert len(checks) >= 4


def test_the_constraints_hold_the_pins_of_setup() -> None:
    constraints = read_pins(ROOT / "constraints.txt")
    strings = [
        node.value
        for node in ast.walk(ast.parse((ROOT / "setup.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    plain = [re.sub(r"\[.*\]|;.*", "", string) for string in strings]  # without extras, and the Pythons they are for
    pins = {tuple(string.split("==")) for string in plain if "==" in string}
    assert len(pins) > 20
    assert pins - constraints == set(), "after a change of the pins: make constraints"


@pytest.mark.parametrize("folder", ENVIRONMENTS)
def test_the_constraints_hold_the_pins_of_an_environment(folder: str) -> None:
    pins = read_pins(ROOT / folder / "requirements.txt")
    assert pins - read_pins(ROOT / folder / "constraints.txt") == set(), "make constraints"


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_constraints_name_no_place_to_fetch_from(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert text.count("==") > 50
    assert "://" not in text and "--" not in text
