"""The notebook of the documentation runs from its first cell to its last, and finds what it says it finds."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest

from tests.documentation.pages import find_anchors, find_links
from tests.documentation.run_notebook import NOTEBOOK, run_notebook
from tests.tiny_model import ROOT


def list_texts(notebook: nbformat.NotebookNode) -> str:
    """Returns what all cells have printed."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output["text"] for output in outputs if output["output_type"] == "stream")


def list_pictures(notebook: nbformat.NotebookNode) -> list[str]:
    """Returns the kinds of the pictures that the cells have drawn."""
    data = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]
    return [kind for one in data for kind in one if kind.startswith("image/")]


def check_findings(notebook: nbformat.NotebookNode) -> None:
    """Checks that the texts that are found are about what was asked for, and that there is a map."""
    printed = list_texts(notebook).splitlines()
    for query, word in {"a vessel": "ship", "how to cook": "soup", "the trial": "jury"}.items():
        (start,) = [number for number, line in enumerate(printed) if line.startswith(query)]
        assert word in " ".join(printed[start + 1 : start + 4]), printed
    assert list_pictures(notebook) == ["image/png"]


@pytest.mark.integration
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("PATH", "PYTHONPATH"):  # are changed, and put back
        monkeypatch.setenv(variable, os.environ.get(variable, ""))
    check_findings(run_notebook(tmp_path))
    assert (tmp_path / "embeddings" / "manifest.json").exists()


def test_the_notebook_shows_what_came_out() -> None:
    """It is committed as it ran, so that the site and other readers show the map."""
    check_findings(nbformat.read(NOTEBOOK, as_version=4))


def test_the_links_of_the_notebook_resolve(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    page.write_text("\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown"))
    links = [link.partition("#") for link in find_links(page)]
    assert len(links) >= 4
    assert [path for path, _, _ in links if not (ROOT / "docs" / path).exists()] == []
    assert [anchor for path, _, anchor in links if anchor and anchor not in find_anchors(ROOT / "docs" / path)] == []
