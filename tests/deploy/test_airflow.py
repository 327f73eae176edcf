"""The Airflow DAG: what becomes of each exit status, and whole runs of it in an environment of its own."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.programs import DEPLOY, load_program, write_stub
from tests.tiny_model import ROOT

FOLDER = DEPLOY / "schedule" / "airflow"
# Made by `make test`.
PYTHON = Path(sys.prefix) / "airflow" / "bin" / "python"
RUN = load_program(FOLDER / "albert_embed_run.py")
SUNDAY, MONDAY = "2026-11-22", "2026-11-23"


@pytest.mark.parametrize(
    ("exit_status", "name"),
    [(0, "DONE"), (2, "FAIL"), (3, "FAIL"), (4, "RETRY"), (1, "RETRY"), (130, "RETRY"), (143, "RETRY"), (-9, "RETRY")],
)
def test_what_an_exit_status_means(exit_status: int, name: str) -> None:
    assert RUN.decide(exit_status) is RUN.Next[name]


def test_a_runs_line_of_json_is_its_result(tmp_path: Path) -> None:
    program = write_stub(tmp_path / "program", """echo '{"status": "failed", "error": "RuntimeError: no"}'; exit 4""")
    outcome = RUN.run([str(program), "embed"])
    assert (outcome.exit_status, outcome.next) == (4, RUN.Next.RETRY)
    assert outcome.record == {"status": "failed", "error": "RuntimeError: no"}
    assert outcome.message == "albert-embed ended with status 4: RuntimeError: no"


@pytest.mark.parametrize("text", ["echo no JSON", ""])
def test_a_run_without_one_is_judged_by_its_status(text: str, tmp_path: Path) -> None:
    outcome = RUN.run([str(write_stub(tmp_path / "program", f"{text}\nexit 2"))])
    assert (outcome.record, outcome.next) == ({}, RUN.Next.FAIL)
    assert outcome.message == "albert-embed ended with status 2: it printed no line of JSON"


def test_the_dag_uses_flags_that_there_are() -> None:
    from albert_embed.pipeline.cli.main import COMMANDS

    tree = ast.parse((FOLDER / "albert_embed_nightly.py").read_text(encoding="utf-8"))
    strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    flags = {string.split("=")[0] for string in strings if string.startswith("--")}
    assert flags >= {"--incremental", "--model", "--output", "--json"}
    assert flags <= {option.flag for option in COMMANDS["embed"].options}


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a new Airflow that has this folder's DAGs."""
    if not PYTHON.exists():
        pytest.skip(f"no Airflow at {PYTHON.parent.parent}; `make test` installs it")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
        "AIRFLOW__CORE__DAGS_FOLDER": str(FOLDER),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "ALBERT_EMBED_RETRY_MINUTES": "0",
        "no_proxy": "*",
    }
    subprocess.run([PYTHON, "-m", "airflow", "db", "migrate"], env=environment, check=True, capture_output=True)
    return environment


def run_dag(environment: dict[str, str], date: str, **settings: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """Runs the DAG once; returns its exit status, and of each task the state and the XCom."""
    finished = subprocess.run(
        [PYTHON, FOLDER / "albert_embed_nightly.py", date],
        env={**environment, **{f"ALBERT_EMBED_{name.upper()}": value for name, value in settings.items()}},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line.split("\t") for line in finished.stdout.splitlines() if line.count("\t") == 2]
    assert len(lines) == 2, finished.stdout[-3000:] + finished.stderr[-3000:]
    return finished.returncode, {task: (state, xcom) for task, state, xcom in lines}


@pytest.mark.integration
def test_a_sunday_night_on_the_sample_corpus(airflow: dict[str, str], tiny_model: Path, tmp_path: Path) -> None:
    program = tmp_path / "albert-embed"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT / "src"}" exec "{sys.executable}" -m albert_embed "$@"\n')
    program.chmod(0o755)
    settings = {
        "program": str(program),
        "model": str(tiny_model),
        "input": str(ROOT / "examples" / "corpus.jsonl"),
        "output": str(tmp_path / "out"),
        "flags": "--max-tokens 32 --full-snapshot",
    }
    status, tasks = run_dag(airflow, SUNDAY, **settings)
    assert (status, tasks["embed"][0], tasks["compact"][0]) == (0, "success", "success")
    record = ast.literal_eval(tasks["embed"][1])
    assert (record["status"], record["counts"]["documents"]) == ("published", 20)
    assert ast.literal_eval(tasks["compact"][1])["exit_status"] == 0


@pytest.mark.integration
def test_what_can_not_get_better_is_not_tried_again(airflow: dict[str, str], tmp_path: Path) -> None:
    program = write_stub(tmp_path / "program", f"echo >> {tmp_path / 'tries'}\nexit 3")
    status, tasks = run_dag(airflow, MONDAY, program=str(program), model="m", input="i", output="o")
    assert (status, tasks["embed"][0], tasks["compact"][0]) == (1, "failed", "upstream_failed")
    assert (tmp_path / "tries").read_text() == "\n"


@pytest.mark.integration
def test_a_run_that_failed_on_its_way_is_tried_again(airflow: dict[str, str], tmp_path: Path) -> None:
    line = json.dumps({"status": "published", "output": "o"})
    tries = tmp_path / "tries"
    text = f"if [ ! -e {tries} ]; then echo > {tries}; exit 4; fi\necho '{line}'"
    program = write_stub(tmp_path / "program", text)
    status, tasks = run_dag(airflow, MONDAY, program=str(program), model="m", input="'a b' c", output="o")
    assert (status, tasks["embed"][0], tasks["compact"][0]) == (0, "success", "skipped")
