"""`python -m benchmarks.search`: it measures what it says, by this project's own search and index."""

from __future__ import annotations

import pytest

from benchmarks.search import main


def test_it_measures_exact_search_and_the_index(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--rows", "300", "--width", "16", "--queries", "3", "--index"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("# 300 rows of 16, written in ")
    rows = [line.split("|")[1].strip() for line in lines if ":" in line and line.startswith("| ")]
    assert [row.split(":")[0] for row in rows] == ["exact"] * 5 + ["index"] * 3
    assert lines[-1].endswith("recall@10 1.000 for these queries, 1.0 for a sample of the rows")
