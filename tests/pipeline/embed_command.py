"""The command line of `embed`, and the rows that it has published."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from albert_embed import read_embeddings
from tests.pipeline.reference import TOLERANCE

Rows = dict[tuple[bytes, int], dict[str, Any]]


def embed_command(model: Path | str, source: Path | str, output: Path | str, *flags: str) -> list[str]:
    """Returns the arguments that embed `source` into `output`."""
    return ["embed", "--model", str(model), "--input", str(source), "--output", str(output), *flags]


def list_rows(output: Path | str) -> list[dict[str, Any]]:
    """Returns all rows of an output, in the order of its files."""
    return [row for batch in read_embeddings(str(output)) for row in batch.to_pylist()]


def read_rows(output: Path | str) -> Rows:
    """Returns all rows of an output by id and window, each of which is there once."""
    rows = list_rows(output)
    found = {(row["id"], row["window"]): row for row in rows}
    assert len(found) == len(rows)
    return found


def assert_same_rows(found: Mapping[Any, dict[str, Any]], expected: Mapping[Any, dict[str, Any]]) -> None:
    """Asserts that rows are the same, their vectors up to rounding."""
    assert found.keys() == expected.keys()
    for key, row in expected.items():
        assert found[key].keys() == row.keys()
        for name, value in row.items():
            if name.endswith("_output"):
                np.testing.assert_allclose(found[key][name], value, atol=TOLERANCE, rtol=0)
            else:
                assert found[key][name] == value
