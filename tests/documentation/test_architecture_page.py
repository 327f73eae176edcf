"""`docs/architecture.md` lists the rooms in the order that the linter checks, and files that there are."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.tiny_model import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", ["transforms", "model", "pipeline"])
def test_the_rooms_stand_in_the_order_that_is_checked(folder: str) -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (layers,) = [contract["layers"] for contract in contracts if contract["name"] == f"The rooms of {folder}/"]
    section = PAGE.split(f"## Rooms of `{folder}/`")[1]
    table = section.split("| room | subject |")[1].split("\n\n")[0]
    listed = [re.findall(r"`(\w+)`", row.split("|")[1]) for row in table.splitlines() if row.startswith("| `")]
    assert listed == [layer.split(" | ") for layer in reversed(layers)]


def test_the_files_of_a_documents_way_are_there() -> None:
    files = re.findall(r"`((?:pipeline|transforms|model)/[\w/]+\.py)`", PAGE)
    assert len(files) > 10
    assert [file for file in files if not (ROOT / file).is_file()] == []
