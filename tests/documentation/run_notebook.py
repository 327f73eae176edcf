"""Runs the notebook of the documentation; `python -m tests.documentation.run_notebook` writes down what came out."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from tests.tiny_model import ROOT

NOTEBOOK = ROOT / "docs" / "first_hour.ipynb"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def run_notebook(folder: Path) -> nbformat.NotebookNode:
    """Returns the notebook as it ran in a folder, with what its cells have printed and drawn, but for the log."""
    notebook: nbformat.NotebookNode = nbformat.read(NOTEBOOK, as_version=4)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # `albert-embed`
    NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(folder)}}).execute()
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            for output in cell.outputs:
                if output.output_type == "stream":
                    lines = _COLOURS.sub("", output.text).splitlines(keepends=True)
                    output.text = "".join(line for line in lines if not line.startswith("INFO "))
            cell.outputs = [
                output
                for output in cell.outputs
                if output.output_type != "stream" or (output.name == "stdout" and output.text.strip())
            ]
    return notebook


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        nbformat.write(run_notebook(Path(folder)), NOTEBOOK)
