"""Runs whose options come from a file are the runs that the same flags start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from albert_embed.pipeline.cli.main import main
from tests.pipeline.embed_command import list_rows


@pytest.mark.integration
def test_a_run_from_a_file_and_from_what_it_prints(
    capsys: pytest.CaptureFixture[str], tiny_model: Path, tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps({"id": f"d{i}", "text": f"text {i}", "no": i}) + "\n" for i in range(9)))
    flags = ["--input", str(corpus), "--max-tokens", "8", "--embeddings", "mean,pooled", "--keep-fields", "no:int64"]
    common = ["--sink", "parquet", "--normalize", "--direct_num_workers=1"]
    assert main(["embed", "--model", str(tiny_model), *flags, *common, "--output", f"{tmp_path}/flags"]) == 0
    file = tmp_path / "run.yaml"
    file.write_text(
        f"model: {tiny_model}\ninput: {corpus}\nmax_tokens: 99\nembeddings: [mean, pooled]\n"
        "keep-fields: no:int64\nsink: parquet\nnormalize: yes\ndirect-num-workers: 1\noverwrite: true\n"
    )
    beside = ["--config", str(file), "--max-tokens", "8", "--no-overwrite"]
    assert main(["embed", *beside, "--output", f"{tmp_path}/file"]) == 0
    capsys.readouterr()
    assert main(["embed", *beside, "--output", f"{tmp_path}/printed", "--print-config"]) == 0
    printed = tmp_path / "printed.yaml"
    printed.write_text(capsys.readouterr().out)
    assert main(["embed", "--config", str(printed)]) == 0
    expected, manifest = read_run(tmp_path / "flags")
    for name in ("file", "printed"):
        found, same = read_run(tmp_path / name)
        assert found == expected and len(found) == 9
        assert {**same, "output": ""} == {**manifest, "output": ""}
        assert same["max_tokens"] == 8


def read_run(output: Path) -> tuple[list[dict[str, object]], dict[str, object]]:
    """Gives the rows by their ids, and the options of the manifest."""
    rows = list_rows(output)
    options = json.loads((output / "_versions" / "1.json").read_text())["options"]
    return sorted(rows, key=lambda row: str(row["id"])), options
