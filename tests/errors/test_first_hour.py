"""Each error of the table is said in a line or two, with the value and the remedy, and without a traceback."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import re
import shutil
import sys
from pathlib import Path
from unittest import mock

import pytest

from albert_embed.pipeline.cli.main import main
from tests.errors.first_hour import CASES, Case, make_world
from tests.tiny_model import ROOT

_MAX_LINES = 3
_PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
HEADINGS = re.findall(r"^### `(.+)`$", _PAGE, re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Said:
    """What a command has said: its exit status, standard output and standard error."""

    status: int
    printed: str
    errors: str


class FirstHour:
    """Runs the commands of the table, each once.

    Args:
      model: a good one.
      world: the folder with what is given to them.
    """

    def __init__(self, model: Path, world: Path) -> None:
        make_world(world, model)
        self._model = model
        self._world = world
        self._said: dict[str, Said] = {}

    def run(self, case: Case) -> Said:
        """Returns what the command of a case says."""
        if case.name not in self._said:
            self._said[case.name] = self._run(case)
        return self._said[case.name]

    def _run(self, case: Case) -> Said:
        shutil.rmtree(self._world / "out", ignore_errors=True)
        arguments = [word.format(model=self._model, world=self._world) for word in case.arguments.split()]
        printed, errors = io.StringIO(), io.StringIO()
        with contextlib.ExitStack() as patches:
            for name, replacement in case.patches.items():
                if "." in name:
                    patches.enter_context(mock.patch(name, replacement))
                else:
                    patches.enter_context(mock.patch.dict(sys.modules, {name: replacement}))
            patches.enter_context(contextlib.redirect_stdout(printed))
            patches.enter_context(contextlib.redirect_stderr(errors))
            return Said(main(arguments), printed.getvalue(), errors.getvalue())


@pytest.fixture(scope="module")
def first_hour(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> FirstHour:
    return FirstHour(tiny_model, tmp_path_factory.mktemp("world"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_error_says_what_was_wrong_and_what_to_do(case: Case, first_hour: FirstHour) -> None:
    said = first_hour.run(case)
    assert (said.status, said.printed) == (case.status, "")
    lines = [line for line in said.errors.splitlines() if not line.startswith(("INFO ", "WARNING ", "usage: "))]
    assert 1 <= len(lines) <= _MAX_LINES
    message = "\n".join(lines)
    assert message.startswith(f"albert-embed {case.arguments.split()[0]}") and "Traceback" not in message
    for pattern in (case.value, case.remedy):
        assert re.search(pattern, message, re.MULTILINE), f"{pattern!r} is not in {message!r}"


def test_names_are_each_given_once() -> None:
    assert len({case.name for case in CASES}) == len(CASES) > 45


@pytest.mark.parametrize("heading", HEADINGS)
def test_the_page_has_real_messages(heading: str, first_hour: FirstHour) -> None:
    pattern = re.compile(".*".join(map(re.escape, heading.split("…"))))
    found = [case for case in CASES if pattern.search(first_hour.run(case).errors)]
    assert found, f"no case of the table says {heading!r}"


def test_the_page_has_enough_of_them() -> None:
    assert len(HEADINGS) == len(set(HEADINGS)) > 20
