"""`make demo`: the sample corpus with the built-in model, a search whose hits make sense, and the report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from albert_embed.model.directory.builtin_model import BUILTIN_NOTICE, fetch_builtin_model
from albert_embed.model.directory.model_directory import fingerprint_model
from albert_embed.pipeline.cli.main import main
from examples.demo import QUERIES, run_demo

EXPECTED = ("A mortgage is a loan secured on a", "Antibiotics act against bacteria", "Octopuses have three hearts")


@pytest.mark.integration
def test_the_demo_ends_with_hits_that_make_sense(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert run_demo(tmp_path) == 0
    assert BUILTIN_NOTICE in caplog.messages
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert EXPECTED[0] in page and page.rstrip().endswith("</html>")

    queries = tmp_path / "queries.txt"
    queries.write_text("\n".join(QUERIES), encoding="utf-8")
    capfd.readouterr()
    assert main(["search", str(tmp_path / "embeddings"), "--queries", str(queries), "-k", "3", "--json"]) == 0
    found = json.loads(capfd.readouterr().out.splitlines()[-1])["queries"]
    assert [answer["query"] for answer in found] == list(QUERIES)
    for answer, expected in zip(found, EXPECTED, strict=True):
        assert answer["hits"][0]["text"].startswith(expected), answer
    manifest = json.loads((tmp_path / "embeddings" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["model"]["name"] == "default"
    assert manifest["model"]["fingerprint"] == fingerprint_model(fetch_builtin_model())
