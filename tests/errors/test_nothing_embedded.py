"""A run all of whose records fail: it ends as it is told, and says that nothing was embedded."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from albert_embed.pipeline.cli.main import main
from tests.pipeline.embed_command import embed_command


@pytest.mark.parametrize("good", [0, 1])
def test_a_run_without_a_document_says_so(
    tiny_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, good: int
) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out"
    source.write_text('{"text": 5}\n{"text":\n{"text": 6}\n' + '{"text": "one"}\n' * good)
    assert main(embed_command(tiny_model, source, output)) == 0
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    warned = [message for message in said if message.startswith("nothing was embedded")]
    # The reasons in the manifest stand in the order of their names, where that of one record comes first.
    expected = (
        "nothing was embedded: all records failed, most often as read: wrong type; "
        f"`albert-embed inspect {output}` shows some"
    )
    assert warned == ([] if good else [expected])
