"""`embed --embeddings sentence` with an export of a folder of sentence-transformers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from albert_embed import read_embeddings
from albert_embed.model.directory.model_directory import SENTENCE_FILE
from albert_embed.model.export.export import export_model
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.versions import read_manifest
from tests.pipeline.embed_command import embed_command
from tests.tiny_model import GOLDEN

pytestmark = pytest.mark.integration

# No sign after which transformers begins a new word: those get other ids there.
TEXTS = ["the harbour was empty", "yes"]
FOLDER = GOLDEN / "made_by_tools" / "sentences_mean"


@pytest.mark.parametrize("sink", ["tfrecord", "parquet"])
def test_rows_are_what_sentence_transformers_gives(
    tmp_path: Path, sink: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tokenizers")
    export_model(source=str(FOLDER), output=tmp_path / "model")
    (tmp_path / "in.txt").write_text("".join(f"{text}\n" for text in TEXTS))
    arguments = ["--model", str(tmp_path / "model"), "--input", str(tmp_path / "in.txt"), "--sink", sink]
    output = str(tmp_path / "out")
    assert main(["embed", *arguments, "--output", output, "--embeddings", "sentence,mean"]) == 0
    (batch,) = read_embeddings(output)
    rows = {tuple(row["input_ids"]): row["sentence_embedding"] for row in batch.to_pylist()}
    with np.load(FOLDER / "expected.npz") as expected:
        for number in (0, 2):
            ids = expected["input_ids"][number][expected["attention_mask"][number] == 1]
            np.testing.assert_allclose(rows[tuple(ids.tolist())], expected["sentence_embedding"][number], atol=1e-5)
    manifest = read_manifest(output)
    assert (manifest.embeddings, manifest.sentence_size) == (["sentence_embedding", "mean_output"], 6)
    assert manifest.model.comma_rule == "huggingface"
    assert manifest.transform.options["max_tokens"] == 16
    capsys.readouterr()
    assert main(["inspect", output, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["dimensions"] == {"sentence_embedding": 6, "mean_output": 16}


@pytest.mark.parametrize("name", ["sentences_mean", "sentences_cls"])
def test_engine_jax_gives_them_too(name: str, tmp_path: Path, vocabulary_file: Path) -> None:
    pytest.importorskip("jax")
    pytest.importorskip("tokenizers")
    folder, model, output = FOLDER.parent / name, tmp_path / "model", str(tmp_path / "out")
    export_model(source=str(folder), output=model, vocabulary_file=vocabulary_file if name == "sentences_cls" else None)
    (tmp_path / "in.txt").write_text("".join(f"{text}\n" for text in TEXTS))
    command = embed_command(model, tmp_path / "in.txt", output)
    assert main([*command, "--embeddings", "sentence", "--engine", "jax"]) == 0
    (batch,) = read_embeddings(output)
    rows = {tuple(row["input_ids"]): row["sentence_embedding"] for row in batch.to_pylist()}
    with np.load(folder / "expected.npz") as expected:
        for number in (0, 2):
            ids = expected["input_ids"][number][expected["attention_mask"][number] == 1]
            np.testing.assert_allclose(rows[tuple(ids.tolist())], expected["sentence_embedding"][number], atol=1e-5)
    manifest = read_manifest(output)
    assert (manifest.model.engine, len(rows)) == ("jax", 2)
    assert manifest.measured.counters["compilations"] == 1  # both texts fit into one shape


def test_engine_jax_refuses_an_export_of_an_earlier_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("jax")
    pytest.importorskip("tokenizers")
    model, output = tmp_path / "model", tmp_path / "out"
    export_model(source=str(FOLDER), output=model)
    (model / "assets" / SENTENCE_FILE).unlink()
    (tmp_path / "in.txt").write_text("yes\n")
    command = embed_command(model, tmp_path / "in.txt", output)
    assert main([*command, "--embeddings", "sentence", "--engine", "jax"]) == 2
    assert (
        f"engine jax can't give sentence of {model}, which an earlier version exported: it does not say what its "
        "sentence head does; export the model again, or choose --engine tensorflow"
    ) in capsys.readouterr().err
    assert not output.exists()
