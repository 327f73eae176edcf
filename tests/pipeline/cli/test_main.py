"""The command line: what it refuses and how it says so, before anything is read."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from albert_embed.pipeline.cli.main import main
from tests.pipeline.embed_command import embed_command
from tests.pipeline.embedded_rows import make_rows, publish_rows
from tests.tiny_model import CORPUS, ROOT


def embed_arguments(model: Path | str, output: Path | str, *more: str, source: Path | str = CORPUS) -> list[str]:
    return embed_command(model, source, output, *more)


def refuse(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> str:
    """Runs a command that must be refused; gives the message."""
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    line = captured.err.strip().splitlines()[-1]
    start = f"albert-embed {arguments[0]}: "
    assert line.startswith(start), captured.err
    return line.removeprefix(start)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--embedings", "pooled"], "unknown flag --embedings; the nearest known one is --embeddings"),
        (["--maxtokens=3"], "unknown flag --maxtokens; the nearest known one is --max-tokens"),
        (
            ["--direct_num_worker", "1"],
            "unknown flag --direct_num_worker; the nearest known one is --direct_num_workers",
        ),
        (["--embed", "pooled"], "unknown flag --embed; the nearest known one is --embeddings"),
        (["--runer=DirectRunner"], "unknown flag --runer; the nearest known one is --runner"),
        (["--num_worker", "4"], "unknown flag --num_worker; the nearest known one is --num_workers"),
        (["--num-workers", "4"], "unknown flag --num-workers; the nearest known one is --num_workers"),
        (["--no-overwrit"], "unknown flag --no-overwrit; the nearest known one is --no-overwrite"),
        (["-k", "3"], "unknown flag -k; it belongs to search, not to embed"),
        (["--cache=x"], "unknown flag --cache; it belongs to analyze, not to embed"),
        (
            ["--overwrite", "more"],
            "unexpected argument 'more'; give a value behind its flag, and one with spaces in quotes",
        ),
        (
            ["--direct_num_workers", "1", "more"],
            "unexpected argument 'more'; give a value behind its flag, and one with spaces in quotes",
        ),
        (
            ["--direct_num_workers=1", "more"],
            "unexpected argument 'more'; give a value behind its flag, and one with spaces in quotes",
        ),
    ],
)
def test_what_embed_does_not_know(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, flags: list[str], message: str
) -> None:
    assert refuse(capsys, embed_arguments("/nowhere", tmp_path / "out", *flags)) == message
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["export", "--source", "x", "--output", "y", "--case"],
            "unknown flag --case; the nearest known one is --cased",
        ),
        (
            ["export", "--source", "x", "--output", "y", "--runner", "z"],
            "unknown flag --runner; it is an option of Apache Beam, which analyze, embed and publish take, not export",
        ),
        (
            ["export", "--source", "x", "--output", "y", "more"],
            "unexpected argument 'more'; give a value behind its flag, and one with spaces in quotes",
        ),
        (["inspect", "x", "--heads", "2"], "unknown flag --heads; the nearest known one is --head"),
        (["inspect", "--input", "x"], "unknown flag --input; it belongs to analyze and embed, not to inspect"),
        (["compact", "x", "--zzz"], "unknown flag --zzz; the nearest known one is --"),
        (
            ["search", "x", "y", "--metric", "cosin"],
            "--metric is 'cosin': choose from cosine, dot; the nearest is cosine",
        ),
        (["inspect", "x", "--head", "-1"], "--head must be at least 0, not -1"),
        (["export", "--source", "/nowhere", "--output", "y"], "there is nothing at '/nowhere'; give a directory"),
        (["inspect", "/nowhere"], "there is nothing at /nowhere; give the --output of a run of albert-embed embed"),
    ],
)
def test_what_the_others_refuse(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert refuse(capsys, arguments).startswith(message)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--embeddings", "pooled,cls"], "--embeddings is 'cls': choose from pooled, sequence, mean"),
        (["--embeddings", "mean,mean"], "--embeddings must name one or more, each once, not 'mean,mean'"),
        (["--embeddings", ""], "--embeddings is '': choose from pooled, sequence, mean"),
        (["--max-tokens", "0"], "--max-tokens must be at least 1, not 0"),
        (["--max-tokens", "2"], "max_tokens is 2: [CLS] and [SEP] leave no room for text. Give at least 3."),
        (["--max-tokens", "129"], "max-tokens 129 is more than the 128 positions that the model has; give at most 128"),
        (["--batch-tokens", "-4"], "--batch-tokens must be at least 1, not -4"),
        (["--batch-tokens", "127"], "batch_tokens 127 can't hold one row of max_tokens 128; give at least 128"),
        (["--long-documents", "window", "--window-overlap", "126"], "window_overlap is 126: with max_tokens 128"),
        (
            ["--text-field", "body"],
            "--text-field, --id-field, --pair-field and --keep-fields name fields of records, but",
        ),
        (["--id-field", "key"], "--text-field, --id-field, --pair-field and --keep-fields name fields of records, but"),
        (["--keep-fields", "text,title"], "--text-field, --id-field, --pair-field and --keep-fields name fields of"),
        (["--pair-field", "b"], "--text-field, --id-field, --pair-field and --keep-fields name fields of records, but"),
        (
            ["--pair-field", "b", "--format", "json", "--long-documents", "window"],
            "long_documents is 'window' with pair",
        ),
        (["--transform", "/nowhere"], "/nowhere holds no finished transform graph: no /nowhere/transform.json"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_options_that_cannot_be(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, tiny_model: Path, flags: list[str], message: str
) -> None:
    assert refuse(capsys, embed_arguments(tiny_model, tmp_path / "out", *flags)).startswith(message)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--format", "xml"], "--format is 'xml': choose from text, jsonl, json, csv, tsv, "),
        (["--encoding", "hex"], "--encoding is 'hex': choose from float_list, float32_bytes, float16_bytes"),
        (["--long-documents", "drop"], "--long-documents is 'drop': choose from truncate, window, reject"),
        (["--vector-index", "drop"], "--vector-index is 'drop': choose from print, run"),
        (["--max-tokens", "many"], "--max-tokens is 'many': give a whole number"),
        (["--shard-seconds", "long"], "--shard-seconds is 'long': give a number"),
        (["--engine", "abacus"], "--engine is 'abacus': choose from tensorflow, openvino, jax, auto"),
        (["--sink", "parket"], "--sink is 'parket': choose from tfrecord, parquet, bigquery; the nearest is parquet"),
        (["--embeddings", "pooled,maen"], "--embeddings is 'maen': choose from pooled, sequence, mean, sentence, docu"),
        (["--encoding", "INT8"], "--encoding is 'INT8': choose from float_list, float32_bytes, float16_bytes, int8, b"),
        (["--overwrite", "--no-overwrite"], "--overwrite and --no-overwrite are both given; give one of them"),
        (["--engine"], "argument --engine: expected one argument"),
        (["--direct_num_workers", "many"], "argument --direct_num_workers: invalid int value: 'many'"),
    ],
)
def test_values_that_are_not_of_their_kind(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, flags: list[str], message: str
) -> None:
    assert refuse(capsys, embed_arguments("/nowhere", tmp_path / "out", *flags)).startswith(message)


def test_with_json_a_bad_choice_is_a_line_of_json_too(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(embed_arguments("/nowhere", tmp_path / "out", "--json", "--engine", "abacus")) == 2
    assert json.loads(capsys.readouterr().out) == {
        "status": "usage",
        "exit_status": 2,
        "error": "UsageError: --engine is 'abacus': choose from tensorflow, openvino, jax, auto",
    }


NAMES = "export, analyze, embed, publish, inspect, compact, index, search, report"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], f"albert-embed: a command is missing; give one of {NAMES}"),
        (["embde"], f"albert-embed: unknown command 'embde'; the nearest of {NAMES} is embed"),
        (["analyse", "--model", "m"], f"albert-embed: unknown command 'analyse'; the nearest of {NAMES} is analyze"),
        (["--model", "m"], f"albert-embed: --model stands before the command; first give one of {NAMES}"),
        (["embed"], "albert-embed embed: --model and --output are missing"),
        (["embed", "--model", "m"], "albert-embed embed: --output is missing"),
        (
            ["embed", "--sink", "parket"],
            "albert-embed embed: --sink is 'parket': choose from tfrecord, parquet, bigquery; the nearest is parquet",
        ),
        (["embed", "--runer=x"], "albert-embed embed: unknown flag --runer; the nearest known one is --runner"),
        (["inspect", "-k", "3"], "albert-embed inspect: unknown flag -k; it belongs to search, not to inspect"),
        (["embed", "--modle", "m"], "albert-embed embed: unknown flag --modle; the nearest known one is --model"),
        (["export", "--sorce", "x"], "albert-embed export: unknown flag --sorce; the nearest known one is --source"),
        (["inspect"], "albert-embed inspect: DIR is missing"),
        (["inspect", "--jsn"], "albert-embed inspect: unknown flag --jsn; the nearest known one is --json"),
        (
            ["compact", "a", "b"],
            "albert-embed compact: unexpected argument 'b'; give a value behind its flag, and one with spaces in "
            "quotes",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_commands_that_are_not_complete_or_misspelt(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    usage, found = captured.err.splitlines()
    assert usage.startswith("usage: albert-embed ")
    assert found == message
    assert captured.out == ""


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"albert-embed {importlib.metadata.version('albert-embed')}\n"


def test_files_of_several_formats(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text, records = tmp_path / "a.txt", tmp_path / "b.jsonl.gz"
    for path in (text, records):
        path.touch()
    arguments = ["embed", "--model", "m", "--output", str(tmp_path / "out"), "--input", str(text), str(records)]
    assert refuse(capsys, arguments).startswith(
        f"--input names files of several formats: {records} (jsonl), {text} (text); give --format if all have the same"
    )
    assert sorted(tmp_path.iterdir()) == [text, records]


def test_inputs_and_models_that_are_not_there(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, tiny_model: Path
) -> None:
    out = tmp_path / "out"
    assert refuse(capsys, embed_arguments("/nowhere", out)).startswith("there is nothing at '/nowhere'")
    assert refuse(capsys, embed_arguments(CORPUS.parent, out)).startswith(
        f"{CORPUS.parent} holds no saved_model.pb; a check"
    )
    message = refuse(capsys, embed_arguments(tiny_model, out, source=tmp_path / "none-*.txt"))
    assert message == f"--input {tmp_path}/none-*.txt matches no files; give a path, a folder or a glob that does"
    assert os.listdir(tmp_path) == []


def test_an_output_that_is_taken(capsys: pytest.CaptureFixture[str], tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / "mine").write_text("keep")
    message = refuse(capsys, embed_arguments(tiny_model, tmp_path))
    assert message.startswith(
        f"{tmp_path} already holds something (mine); give an empty or new --output, or --overwrite"
    )
    publish_rows(tmp_path / "out", [make_rows([2])])
    message = refuse(capsys, embed_arguments(tiny_model, tmp_path / "out"))
    assert message.startswith(f"{tmp_path}/out holds a finished output; give another --output, or --overwrite")


def test_inspect_for_people_and_machines(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    publish_rows(
        tmp_path, [make_rows([2, 5, 3])], failures=['{"stage": "read", "reason": "invalid JSON", "id": "[x]"}']
    )
    assert main(["inspect", str(tmp_path), "--json", "--head", "2"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["counts"] == {"documents": 3, "rows": 3, "tokens": 10, "truncated": 1, "failures": 1}
    assert found["failures"] == {"read: invalid JSON": 1}
    assert [row["id"] for row in found["head"]] == ["row 0", "row 1"] and len(found["failed"]) == 1
    assert main(["inspect", str(tmp_path), "--head", "1"]) == 0
    shown = capsys.readouterr().out
    for part in (
        "documents",
        "read: invalid JSON",
        "pooled_output width",
        "tokens per row, median",
        '"id": "row 0"',
        "[x]",
    ):
        assert part in shown
    assert "row 1" not in shown


def test_inspect_of_a_damaged_output_fails(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    publish_rows(tmp_path, [make_rows([2])])
    next(tmp_path.glob("tfrecord/*")).write_bytes(b"")
    assert "the output was damaged after it was published" in refuse(capsys, ["inspect", str(tmp_path), "--json"])


def test_a_failure_on_the_way_has_its_own_status(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("it broke")

    monkeypatch.setattr("albert_embed.pipeline.dataset.inspect_output.inspect_output", fail)
    assert main(["inspect", str(tmp_path)]) == 4
    assert capsys.readouterr().err.strip().endswith("albert-embed inspect failed: RuntimeError: it broke")


def test_as_a_module() -> None:
    command = [sys.executable, "-m", "albert_embed", "inspect", "/nowhere"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 2
    assert "there is nothing at /nowhere" in result.stderr and "Traceback" not in result.stderr
