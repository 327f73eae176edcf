"""How many documents a run says that it has embedded, beside how many it was given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from albert_embed import read_embeddings
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.inspect_output import inspect_output
from albert_embed.pipeline.dataset.versions import read_manifest
from tests.pipeline.embed_command import embed_command

pytestmark = pytest.mark.integration


def test_documents_are_counted_once_each_however_many_rows_and_shards_they_have(
    tiny_model: Path, tmp_path: Path
) -> None:
    texts = [f"text {number} " + "some words " * (7 * number % 60) for number in range(40)]
    records = [{"id": f"d{number}", "text": text} for number, text in enumerate(texts)]
    records += records[:3]  # a corpus may hold a document twice: each is embedded
    records += [{"id": "no text"}, {"id": "no text, either"}]
    source, output = tmp_path / "in.jsonl", tmp_path / "out"
    source.write_text("\n".join(json.dumps(record) for record in records))
    flags = ["--max-tokens", "16", "--long-documents", "window", "--window-overlap", "4", "--shard-bytes", "6000"]
    assert main(embed_command(tiny_model, source, output, *flags)) == 0
    rows = [row for batch in read_embeddings(str(output)) for row in batch.select(["id", "window"]).to_pylist()]
    manifest = read_manifest(str(output))
    assert manifest.counts.documents == 43
    assert inspect_output(str(output)).counts.documents == 43
    assert manifest.counts.failures == 2
    assert manifest.counts.rows == len(rows) > 3 * 43
    assert {row["id"].decode() for row in rows} == {f"d{number}" for number in range(40)}
    # A document's windows lie in several shards.
    assert len(manifest.shards) > 5
