"""`--result-file`: the line of JSON, and the figures for Prometheus beside it."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from albert_embed.pipeline.cli import main as cli
from albert_embed.pipeline.console.command import Arguments
from albert_embed.pipeline.console.output import CommandResult, PrintError
from albert_embed.pipeline.console.result_file import ResultFile, format_figures

pytest.importorskip("prometheus_client", reason="make test installs it")
RECORD: dict[str, Any] = {
    "status": "published",
    "exit_status": 0,
    "output": "out",
    "counts": {"documents": 12, "rows": 15},
    "changes": {"added": 2, "changed": 1, "deleted": 0},
    "failures_by_reason": {'read: a "strange"\nreason': 3},
    "measured": {"total_seconds": 4.5, "fill": None, "seconds_by_stage": {"read": 1.5}},
}


def read_samples(text: bytes) -> dict[str, float]:
    """Returns the value of each metric, its name with its labels but `command` and `run`."""
    from prometheus_client.parser import text_string_to_metric_families

    samples = [sample for family in text_string_to_metric_families(text.decode()) for sample in family.samples]
    assert all(sample.labels["command"] == "embed" and sample.labels["run"] == "nightly" for sample in samples)
    rest = [{name: value for name, value in s.labels.items() if name not in ("command", "run")} for s in samples]
    named = [" ".join([s.name, *labels.values()]) for s, labels in zip(samples, rest, strict=True)]
    return {name: sample.value for name, sample in zip(named, samples, strict=True)}


def figures(record: Mapping[str, Any], before: bytes = b"") -> dict[str, float]:
    return read_samples(format_figures(record, command="embed", run="nightly", before=before))


def test_the_figures_are_those_of_the_record() -> None:
    found = figures(RECORD)
    ended = found.pop("albert_embed_last_run_timestamp_seconds")
    assert ended > 1.7e9
    assert found == {
        "albert_embed_last_run_exit_status": 0,
        "albert_embed_last_success_timestamp_seconds": ended,
        "albert_embed_last_run_count documents": 12,
        "albert_embed_last_run_count rows": 15,
        "albert_embed_last_run_changes added": 2,
        "albert_embed_last_run_changes changed": 1,
        "albert_embed_last_run_changes deleted": 0,
        'albert_embed_last_run_failures read: a "strange"\nreason': 3,
        "albert_embed_last_run_measured total_seconds": 4.5,
        "albert_embed_last_run_measured seconds_by_stage.read": 1.5,
    }


def test_a_failure_keeps_when_the_last_success_was() -> None:
    first = format_figures(RECORD, command="embed", run="nightly", before=b"")
    failure = {"status": "failed", "exit_status": 4, "error": "RuntimeError: no"}
    second = format_figures(failure, command="embed", run="nightly", before=first)
    found = figures(failure, before=second)
    assert found["albert_embed_last_run_exit_status"] == 4
    assert found["albert_embed_last_success_timestamp_seconds"] == pytest.approx(
        read_samples(first)["albert_embed_last_success_timestamp_seconds"]
    )
    assert set(found) == {
        "albert_embed_last_run_exit_status",
        "albert_embed_last_run_timestamp_seconds",
        "albert_embed_last_success_timestamp_seconds",
    }


@pytest.mark.parametrize("status", ["submitted", "template"])
def test_a_run_that_is_only_started_is_no_success_yet(status: str) -> None:
    before = b'albert_embed_last_success_timestamp_seconds{command="embed",run="nightly"} 7.0\n'
    found = figures({"status": status, "exit_status": 0}, before=before)
    assert found["albert_embed_last_success_timestamp_seconds"] == 7.0
    assert found["albert_embed_last_run_exit_status"] == 0


def test_before_the_first_success_there_is_no_time_of_it() -> None:
    found = figures({"status": "failed", "exit_status": 4})
    assert "albert_embed_last_success_timestamp_seconds" not in found


@pytest.mark.parametrize("before", [b"no figures {", b"\xff\xfe"])
def test_damaged_figures_are_replaced(before: bytes) -> None:
    assert figures({"status": "failed", "exit_status": 4}, before=before)["albert_embed_last_run_exit_status"] == 4


@pytest.mark.parametrize(
    ("path", "figures_path"),
    [("a/nightly.json", "a/nightly.prom"), ("nightly", "nightly.prom"), ("gs://b/run.txt", "gs://b/run.txt.prom")],
)
def test_where_the_figures_are(path: str, figures_path: str) -> None:
    assert ResultFile(path=path, command="embed").figures_path == figures_path


def run_compact(
    monkeypatch: pytest.MonkeyPatch,
    *arguments: str,
    record: Mapping[str, Any] | None = None,
    error: Exception | None = None,
) -> int:
    """Runs the program with a `compact` that gives the record, or raises the error."""

    def run(_: Arguments) -> CommandResult:
        if error is not None:
            raise error
        return CommandResult(record=record or RECORD, blocks=("done",))

    command = dataclasses.replace(cli.COMMANDS["compact"], run=run)
    monkeypatch.setitem(cli.COMMANDS, "compact", command)
    return cli.main(["compact", *arguments])


@pytest.mark.parametrize("form", ["{flag} {path}", "{flag}={path}"])
def test_a_result_is_the_line_that_is_printed(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "nightly.json"
    arguments = form.format(flag="--result-file", path=path).split(" ")
    assert run_compact(monkeypatch, "out", "--json", *arguments, record={**RECORD, "share": math.nan}) == 0
    assert path.read_text() == capsys.readouterr().out
    assert json.loads(path.read_text())["share"] is None
    assert (
        b'albert_embed_last_run_count{command="compact",of="documents",run="nightly"} 12.0'
        in (tmp_path / "nightly.prom").read_bytes()
    )
    assert sorted(file.name for file in tmp_path.iterdir()) == ["nightly.json", "nightly.prom"]


@pytest.mark.parametrize(
    ("error", "status", "named"),
    [(RuntimeError("no"), 4, "failed"), (ValueError("not so"), 2, "usage")],
)
def test_what_went_wrong_is_written_too(
    error: Exception, status: int, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "nightly.json"
    assert run_compact(monkeypatch, "out", "--result-file", str(path), error=error) == status
    record = json.loads(path.read_text())
    assert (record["status"], record["exit_status"]) == (named, status)


def test_refused_arguments_are_written_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "nightly.json"
    assert run_compact(monkeypatch, "out", "--result-file", str(path), "--nonsense") == 2
    assert "--nonsense" in json.loads(path.read_text())["error"]


@pytest.mark.parametrize("path", ["nowhere/nightly.json", "."])
def test_a_file_that_can_not_be_written_is_refused_before_the_run(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_compact(monkeypatch, "out", "--result-file", path) == 2
    assert f"--result-file is {path!r}, which can't be written" in capsys.readouterr().err


def test_a_disk_that_is_full_in_the_end_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("albert_embed.pipeline.console.result_file.write_file_atomically", fail)
    assert run_compact(monkeypatch, "out", "--result-file", str(tmp_path / "nightly.json")) == 4
    assert "can't write --result-file" in capsys.readouterr().err
    with pytest.raises(PrintError, match="no space left"):
        ResultFile(path=str(tmp_path / "nightly.json"), command="embed").write(RECORD)


def test_a_place_that_can_not_be_reached_is_refused_before_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not after it, as an error of its own kind: what was published would be called a wrong command."""
    path = "nowhere://bucket/nightly.json"
    assert run_compact(monkeypatch, "out", "--result-file", path) == 2
    assert f"--result-file is {path}: nothing is written to nowhere://, where" in capsys.readouterr().err


def test_an_error_of_a_bucket_s_own_kind_does_not_end_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("the bucket is gone")

    monkeypatch.setattr("albert_embed.pipeline.console.result_file.write_file_atomically", refuse)
    assert run_compact(monkeypatch, "out", "--result-file", str(tmp_path / "nightly.json")) == 4
    assert (
        f"can't write --result-file {tmp_path}/nightly.json: the bucket is gone; the command itself ended as "
        in capsys.readouterr().err
    )


def test_other_commands_do_not_take_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "nightly.json"
    assert cli.main(["inspect", "out", "--result-file", str(path)]) == 2
    assert "unknown flag --result-file" in capsys.readouterr().err
    assert not path.exists()
