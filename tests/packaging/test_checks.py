"""What is written down twice is the same in both places: checks, and versions."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

from tests.tiny_model import ROOT

CONSTRAINTS = ("constraints.txt", "tests/emulators/constraints.txt", "deploy/schedule/airflow/constraints.txt")


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


def test_the_constraints_hold_the_pins_of_the_emulators() -> None:
    pins = read_pins(ROOT / "tests/emulators/requirements.txt")
    assert pins - read_pins(ROOT / "tests/emulators/constraints.txt") == set(), "make constraints"


def test_the_constraints_hold_the_pins_of_airflow() -> None:
    pins = read_pins(ROOT / "deploy/schedule/airflow/requirements.txt")
    assert pins - read_pins(ROOT / "deploy/schedule/airflow/constraints.txt") == set(), "make constraints"


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_constraints_name_no_place_to_fetch_from(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert text.count("==") > 50
    assert "://" not in text and "--" not in text
