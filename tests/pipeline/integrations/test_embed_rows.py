"""`EmbedRows`, which Beam YAML calls EmbedText: rows with a schema, and a YAML pipeline as the documentation has it."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from apache_beam.portability.api import schema_pb2
from apache_beam.yaml.yaml_provider import load_providers

import albert_embed
from albert_embed import EmbedRows
from tests.documentation.pages import find_code_blocks
from tests.pipeline.integrations.collect import collect
from tests.pipeline.reference import Reference
from tests.tiny_model import ROOT, write_model

PAGE = ROOT / "docs" / "beam.md"


def embed(model: Path, rows: list[beam.Row], **options: Any) -> list[Any]:
    return collect(lambda pipeline: pipeline | beam.Create(rows) | EmbedRows(str(model), **options))


def test_rows_get_a_field_for_each_vector(tiny_model: Path) -> None:
    rows = [beam.Row(id=1, body="Hello, world"), beam.Row(id=2, body="")]
    embedded = embed(tiny_model, rows, text="body", embeddings=["pooled", "mean"], max_tokens=20)
    reference = Reference(tiny_model)
    for row, body in zip(sorted(embedded, key=lambda one: one.id), ("Hello, world", ""), strict=True):
        assert list(row._asdict()) == ["id", "body", "pooled_output", "mean_output"]
        assert row.body == body
        expected = reference.embed(reference.frame(body, 20))
        for name in ("pooled_output", "mean_output"):
            np.testing.assert_allclose(getattr(row, name), expected[name], atol=1e-5)


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([beam.Row(a="x")], {}, r"^the rows have no field 'text'; text must be one of a$"),
        (
            [beam.Row(text="x", mean_output=1)],
            {},
            r"^the rows already have a field 'mean_output', where its vector would go; rename it$",
        ),
        ([{"text": "x"}], {}, r"^EmbedText needs rows with a schema, and these elements are .*MapToFields$"),
        ([beam.Row(text="x")], {"long_documents": "cut"}, r"^long_documents must be .*, not 'cut'$"),
    ],
    ids=["no text", "taken", "no rows", "option"],
)
def test_what_does_not_fit_is_refused_before_the_run(
    tiny_model: Path, rows: list[Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        embed(tiny_model, rows, **options)


def test_the_provider_describes_every_option() -> None:
    file = Path(albert_embed.__path__[0]) / "providers.yaml"
    (shown,) = (block.code for block in find_code_blocks(PAGE) if block.language == "yml")
    assert yaml.safe_load(shown)["providers"] == yaml.safe_load(file.read_text())
    (provider,) = load_providers(str(file))
    assert provider.provided_transforms() == {"EmbedText"}
    fields = {field.name: field for field in provider.config_schema("EmbedText").fields}
    assert [name for name, field in fields.items() if not field.description] == []
    assert fields["max_tokens"].type.atomic_type == schema_pb2.INT64
    assert (fields["max_tokens"].type.nullable, fields["model"].type.nullable) == (True, False)
    assert provider.description("EmbedText").startswith("Embeds a text of each row with ALBERT")


def test_it_goes_to_workers() -> None:
    assert pickle.loads(pickle.dumps(EmbedRows("model", max_tokens=9)))._settings.max_tokens == 9


@pytest.mark.integration
def test_the_yaml_pipeline_of_the_documentation_runs(tmp_path: Path) -> None:
    write_model(tmp_path / "albert_base")
    texts = ["A film about a family.", None, "A film about a war."]
    pq.write_table(pa.table({"id": [1, 2, 3], "text": texts}), tmp_path / "films.parquet")
    blocks = {block.language: block for block in find_code_blocks(PAGE)}
    (tmp_path / "pipeline.yaml").write_text(blocks["yaml"].code)
    (command,) = (block.code for block in find_code_blocks(PAGE) if "apache_beam.yaml.main" in block.code)
    command = command.replace("python ", f"{re.escape(sys.executable)} ")
    result = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    (embedded,) = (pq.read_table(path) for path in tmp_path.glob("embedded*"))
    assert embedded.schema.field("mean_output").type.value_type == pa.float32()
    reference = Reference(tmp_path / "albert_base")
    rows = sorted(embedded.to_pylist(), key=lambda row: int(row["id"]))
    assert [(row["id"], row["text"]) for row in rows] == [(1, texts[0]), (3, texts[2])]
    for row in rows:
        mean = reference.embed(reference.frame(row["text"], 128))["mean_output"]
        np.testing.assert_allclose(row["mean_output"], mean / np.linalg.norm(mean), atol=1e-5)
    (failed,) = (pq.read_table(path).to_pylist() for path in tmp_path.glob("failed*"))
    assert [row["element"] for row in failed] == [{"id": 2, "text": None}]
    assert "field 'text' is None, of type NoneType" in failed[0]["msg"]
