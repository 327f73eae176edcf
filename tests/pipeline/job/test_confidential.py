"""What must not be read by everybody: secrets of the environment, source text in failures, another model."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import pytest

from albert_embed import read_failures
from albert_embed.model.directory.model_directory import ModelDirectoryError, fingerprint_model
from albert_embed.model.hosting.handler import AlbertModelHandler
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.inputs.read_files import _fail_rest
from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.transforms.steps.failure import TEXT_START_BYTES, Failure
from tests.pipeline.embed_command import embed_command

TOKEN = "planted-token-51dd"
SECRET_TEXT = "the merger is on Friday"
FAILURE = Failure(id=b"a", stage="read", reason="wrong type", error=f"'{SECRET_TEXT}'", text=b"\xff" * 300)


def make_command(model: Path, folder: Path, *flags: str) -> list[str]:
    corpus = folder / "corpus.jsonl"
    lines = [{"id": "a", "text": "A line."}, {"id": "b", "text": 7, "note": SECRET_TEXT}]
    broken = '{"id": "c", "text": "' + SECRET_TEXT
    corpus.write_text("".join(f"{json.dumps(line)}\n" for line in lines) + broken + "\n")
    command = embed_command(model, corpus, folder / "out")
    return [*command, "--max-tokens", "16", *flags]


def read_all(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_a_planted_token_is_found_nowhere(
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    pytest.importorskip("prometheus_client", reason="make test installs it")
    for name in ("AWS_SECRET_ACCESS_KEY", "GOOGLE_OAUTH_ACCESS_TOKEN", "HF_TOKEN", "ALBERT_EMBED_SOMETHING"):
        monkeypatch.setenv(name, TOKEN)
    flags = ["--s3_secret_access_key", TOKEN, "--s3_session_token", TOKEN, "--azure_connection_string", TOKEN]
    flags += ["--experiments", f"key={TOKEN}", "--dataflow_service_options", f"key={TOKEN}", "--json"]
    with caplog.at_level(logging.DEBUG):
        command = make_command(tiny_model, tmp_path, *flags, "--result-file", str(tmp_path / "result.json"))
        assert main(command) == 0
    printed = capfd.readouterr()
    written = read_all(tmp_path)
    assert b"A line." in written and b'"published"' in written
    assert TOKEN.encode() not in written
    assert TOKEN not in printed.out + printed.err + caplog.text


def test_failures_without_text_say_which_document_failed_and_why(
    tiny_model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    result = tmp_path / "result.json"
    with caplog.at_level(logging.DEBUG):
        command = make_command(tiny_model, tmp_path, "--failure-text", "0", "--result-file", str(result), "--json")
        assert main([*command, "--max-failures", "1"]) == 3
        kept = read_all(tmp_path / "out" / "_staging")  # its failures
        assert b"wrong type" in kept and SECRET_TEXT.encode() not in kept
        assert main(command) == 0
    printed = capfd.readouterr()
    assert SECRET_TEXT not in printed.out + printed.err + caplog.text + result.read_text()
    written = read_all(tmp_path / "out")
    assert SECRET_TEXT.encode() not in written and b'"failures"' in written
    failures = list(read_failures(str(tmp_path / "out")))
    assert {failure["reason"] for failure in failures} == {"invalid JSON", "wrong type"}
    assert all(failure["id"] for failure in failures)
    assert [failure["text"] for failure in failures] == ["", ""]
    assert {failure["error"].split(",")[0] for failure in failures} == {"left out"}


@pytest.mark.integration
def test_an_analysis_leaves_text_out_also_where_its_cache_has_it(tiny_model: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    command = ["analyze", *make_command(tiny_model, tmp_path, "--cache", str(cache), "--overwrite")[1:]]
    assert main(command) == 0
    for folder in ("out", "cache"):
        assert SECRET_TEXT.encode() in read_all(tmp_path / folder)
    assert main([*command, "--failure-text", "0"]) == 0
    for folder in ("out", "cache"):
        assert SECRET_TEXT.encode() not in read_all(tmp_path / folder)
    (file,) = (tmp_path / "out").glob("failures-*.jsonl")
    failures = [Failure.from_json(line) for line in file.read_text().splitlines()]
    assert {failure.reason for failure in failures} == {"invalid JSON", "wrong type"}
    assert all(failure.id and not failure.text for failure in failures)


def test_the_log_says_which_file_is_broken_and_quotes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    failure = _fail_rest(FileRange(path="a.avro", name="a.avro"), 2, ValueError(SECRET_TEXT))
    assert caplog.messages == ["a.avro is broken after 2 records: ValueError"]
    assert SECRET_TEXT in failure.error and SECRET_TEXT not in failure.without_text(0).to_json()


@pytest.mark.parametrize("most", [1, 50, TEXT_START_BYTES])
def test_a_failure_holds_as_much_text_as_it_may(most: int) -> None:
    shortened = FAILURE.without_text(most)
    assert (shortened.text, shortened.error) == (FAILURE.text[:most], FAILURE.error)


def test_how_much_text_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(make_command(tmp_path, tmp_path, "--failure-text", "201")) == 2
    assert "--failure-text must lie between 0 and 200, not 201" in capsys.readouterr().err


def test_the_model_that_is_wanted_is_taken_and_no_other(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = "0" * 64
    assert main(make_command(tiny_model, tmp_path, "--model-sha256", other)) == 2
    message = capsys.readouterr().err
    assert f"has the fingerprint {fingerprint_model(tiny_model)}, and --model-sha256 is {other}" in message
    assert not (tmp_path / "out").exists()
    wanted = fingerprint_model(tiny_model).upper()
    assert main(make_command(tiny_model, tmp_path, "--model-sha256", wanted)) == 0


@pytest.mark.parametrize("given", ["", "abc", "g" * 64, "0" * 65])
def test_what_is_no_fingerprint_is_refused(given: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(make_command(tmp_path, tmp_path, "--model-sha256", given)) == 2
    assert f"--model-sha256 is {given!r}: give 64 hexadecimal digits" in capsys.readouterr().err


def test_a_worker_refuses_a_model_that_was_changed_meanwhile(tiny_model: Path, tmp_path: Path) -> None:
    changed = tmp_path / "model"
    shutil.copytree(tiny_model, changed)
    handler = AlbertModelHandler(str(changed), sha256=fingerprint_model(changed))
    with (changed / "saved_model.pb").open("ab") as graph:
        graph.write(b"\0")
    with pytest.raises(ModelDirectoryError, match="it is another model, or it was changed"):
        handler.load_model()
