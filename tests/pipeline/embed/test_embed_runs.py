"""The main job as a process among others: killed and run again, overwritten, with a transform graph of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from albert_embed import read_embeddings
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.versions import read_manifest
from albert_embed.pipeline.storage.output_error import OutputError
from tests.pipeline.embed_command import embed_command
from tests.tiny_model import CORPUS, ROOT, vocabulary_bytes
from tests.waiting import wait_until

pytestmark = pytest.mark.integration


def command(model: Path, source: Path, output: Path, *more: str) -> list[str]:
    return embed_command(model, source, output, *more)


def test_a_killed_run_leaves_no_manifest_and_can_be_repeated(tiny_model: Path, tmp_path: Path) -> None:
    source, output = tmp_path / "many.txt", tmp_path / "out"
    source.write_text(CORPUS.read_text(encoding="utf-8") * 30, encoding="utf-8")
    arguments = [sys.executable, "-m", "albert_embed", *command(tiny_model, source, output)]
    process = subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        # The transform graph is staged before the first document is read.
        wait_until(lambda: any(output.glob("_staging/*/transform/transform.json")), process=process)
    finally:
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert (output / "_staging").exists()
    assert sorted(os.listdir(output)) == ["_claim.json", "_staging"]
    with pytest.raises(OutputError, match=r"holds no manifest.json: it is not a finished output"):
        list(read_embeddings(str(output)))
    again = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert read_manifest(str(output)).counts.rows == 9000
    assert not (output / "_staging").exists() and not (output / "_claim.json").exists()


def test_an_output_is_replaced_only_with_overwrite(tiny_model: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.txt", tmp_path / "second.txt"
    first.write_text("one\ntwo\nthree\n")
    second.write_text("four\n")
    output = tmp_path / "out"
    assert main(command(tiny_model, first, output)) == 0
    created = read_manifest(str(output)).options["input"]
    assert main(command(tiny_model, second, output)) == 2
    assert read_manifest(str(output)).options["input"] == created
    assert main(command(tiny_model, second, output, "--overwrite")) == 0
    (batch,) = read_embeddings(str(output))
    assert batch.num_rows == 1 and read_manifest(str(output)).options["input"] == [str(second)]


def test_an_empty_input(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_bytes(b"")
    assert main(command(tiny_model, tmp_path / "empty.txt", tmp_path / "out")) == 0
    assert list(read_embeddings(str(tmp_path / "out"))) == []
    assert read_manifest(str(tmp_path / "out")).counts.rows == 0
    assert main(["inspect", str(tmp_path / "out"), "--head", "3"]) == 0


def test_a_transform_graph_is_used_again(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from albert_embed.model.directory.model_directory import open_model_directory
    from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
    from albert_embed.transforms.graph.transform_graph import save_transform_graph
    from albert_embed.transforms.text.vocabulary import load_vocabulary

    vocabulary = load_vocabulary(str(open_model_directory(tiny_model).vocabulary_file))
    graph = tmp_path / "graph"
    save_transform_graph(vocabulary, PreprocessingConfig(lower_case=True, max_tokens=64), str(graph))
    (tmp_path / "in.txt").write_text("one text\nanother\n")
    reuse = ["--transform", str(graph)]
    assert main(command(tiny_model, tmp_path / "in.txt", tmp_path / "out", *reuse, "--max-tokens", "64")) == 0
    assert main(command(tiny_model, tmp_path / "in.txt", tmp_path / "own", "--max-tokens", "64")) == 0
    first, second = (read_manifest(str(tmp_path / name)) for name in ("out", "own"))
    assert first.transform == second.transform
    (rows,), (own_rows,) = (list(read_embeddings(str(tmp_path / name))) for name in ("out", "own"))
    assert rows.equals(own_rows)
    capsys.readouterr()
    assert main(command(tiny_model, tmp_path / "in.txt", tmp_path / "other", *reuse)) == 2
    message = capsys.readouterr().err
    assert f"the transform graph in {graph} was made for something else: max_tokens is 64 there and 128 here" in message
    assert not (tmp_path / "other").exists()


def test_as_a_program_of_its_own(tiny_model: Path, tmp_path: Path) -> None:
    """From another folder, with paths relative to it."""
    (tmp_path / "in.txt").write_text("one text\nanother\n")
    (tmp_path / "model").symlink_to(tiny_model)
    arguments = [
        sys.executable,
        "-m",
        "albert_embed",
        "embed",
        "--model",
        "model",
        "--input",
        "in.txt",
        "--output",
        "out",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    result = subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    for part in ("published", "documents / s", "tokens / s", "fill (real / padded tokens)"):
        assert part in result.stdout
    assert "Traceback" not in result.stderr
    manifest = read_manifest(str(tmp_path / "out"))
    assert manifest.counts.rows == 2 and manifest.options["input"] == [str(tmp_path / "in.txt")]


def test_a_transform_graph_of_another_vocabulary_is_refused(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
    from albert_embed.transforms.graph.transform_graph import save_transform_graph
    from albert_embed.transforms.text.vocabulary import load_vocabulary

    (tmp_path / "other.model").write_bytes(vocabulary_bytes(300))
    other = load_vocabulary(str(tmp_path / "other.model"))
    graph = str(tmp_path / "graph")
    save_transform_graph(other, PreprocessingConfig(lower_case=True, max_tokens=128), graph)
    assert main(command(tiny_model, CORPUS, tmp_path / "out", "--transform", graph)) == 2
    message = capsys.readouterr().err
    assert f"the transform graph in {graph} was made for something else: " in message
    assert "vocabulary size is 300 there and 400 here" in message
    assert not (tmp_path / "out").exists()
