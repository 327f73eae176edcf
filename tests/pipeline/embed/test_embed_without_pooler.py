"""`embed` with a model that was trained without a pooler: what needs one is refused, all else works."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from albert_embed import read_document_embeddings, read_embeddings
from albert_embed.pipeline.cli.main import main
from tests.tiny_model import write_model

pytestmark = pytest.mark.integration


def test_pooled_is_refused_and_the_others_are_as_with_a_pooler(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_model(tmp_path / "model", pooler=False)
    (tmp_path / "in.txt").write_text("one\ntwo of them\n")

    def embed(model: Path, output: str, embeddings: str) -> int:
        arguments = ["--model", str(model), "--input", str(tmp_path / "in.txt"), "--output", str(tmp_path / output)]
        return main(["embed", *arguments, "--embeddings", embeddings])

    assert embed(tmp_path / "model", "refused", "pooled") == 2
    assert (
        f"--embeddings pooled: the model {tmp_path}/model has no pooled_output, because it was trained without a "
        "pooler; choose sequence or mean" in capsys.readouterr().err
    )
    assert not (tmp_path / "refused" / "manifest.json").exists()
    for name, model in (("without", tmp_path / "model"), ("with", tiny_model)):
        assert embed(model, name, "sequence,mean,document") == 0
    for read in (read_embeddings, read_document_embeddings):
        (found,), (expected,) = (list(read(str(tmp_path / name))) for name in ("without", "with"))
        assert found.schema.names == expected.schema.names
        for name in found.schema.names:
            if name.endswith(("_output", "_embedding")):
                for row in range(found.num_rows):
                    values = [np.asarray(batch.column(name)[row].as_py(), np.float32) for batch in (found, expected)]
                    np.testing.assert_allclose(values[0], values[1], atol=1e-6)
