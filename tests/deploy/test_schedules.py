"""The schedules without Airflow: Cloud Scheduler by script and by Terraform, cron, systemd."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from albert_embed.pipeline.cli.embed import make_embed_options
from albert_embed.pipeline.cli.main import COMMANDS
from tests.deploy.programs import DEPLOY, find_program, load_program

FOLDER = DEPLOY / "schedule"
PARAMETERS = {
    parameter["name"]: parameter
    for parameter in json.loads((DEPLOY / "dataflow/metadata.json").read_text())["parameters"]
}
LAUNCH = load_program(DEPLOY / "dataflow" / "launch.py")
SETTINGS = {
    "PROJECT": "my-project",
    "REGION": "us-central1",
    "TEMPLATE": "gs://my-bucket/albert-embed.json",
    "TEMP": "gs://my-bucket/tmp",
    "MODEL": "gs://my-bucket/albert_base",
    "INPUT": "gs://my-bucket/corpus/*.jsonl 'gs://my-bucket/more \"texts\"/*'",
    "OUTPUT": "gs://my-bucket/embeddings",
}


def run_script(folder: Path, *, exists: bool = False, **settings: str) -> tuple[list[str], dict[str, object]]:
    """Runs the script with a `gcloud` that notes what it gets; returns the arguments and the body of the request."""
    stub = folder / "gcloud"
    stub.write_text(f"""#!/usr/bin/env bash
if [ "$3" = describe ]; then exit {0 if exists else 1}; fi
printf '%s\\n' "$@" >{folder}/arguments
while [ $# -gt 0 ]; do
  if [ "$1" = --message-body-from-file ]; then cp "$2" {folder}/body; fi
  shift
done
""")
    stub.chmod(0o755)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", **SETTINGS, **settings}
    subprocess.run([FOLDER / "cloud_scheduler.sh"], env=environment, check=True)
    return (folder / "arguments").read_text().splitlines(), json.loads((folder / "body").read_text())


def test_the_script_schedules_a_launch_of_the_template(tmp_path: Path) -> None:
    arguments, body = run_script(tmp_path, GPU="l4", FLAGS="embeddings=mean full_snapshot=true")
    assert arguments[:5] == ["scheduler", "jobs", "create", "http", "albert-embed-nightly"]
    flags = dict(zip(arguments[5::2], arguments[6::2], strict=True))
    assert flags["--uri"] == (
        "https://dataflow.googleapis.com/v1b3/projects/my-project/locations/us-central1/flexTemplates:launch"
    )
    assert flags["--oauth-service-account-email"] == "albert-embed-launcher@my-project.iam.gserviceaccount.com"
    assert flags["--schedule"] == "0 2 * * *" and flags["--headers"] == "Content-Type=application/json"
    launch = body["launchParameter"]
    assert isinstance(launch, dict)
    assert launch["environment"] == {
        "tempLocation": "gs://my-bucket/tmp",
        "serviceAccountEmail": "albert-embed-worker@my-project.iam.gserviceaccount.com",
    }
    assert launch["parameters"] == {
        "model": SETTINGS["MODEL"],
        "input": SETTINGS["INPUT"],
        "output": SETTINGS["OUTPUT"],
        "incremental": "true",
        "gpu": "l4",
        "embeddings": "mean",
        "full_snapshot": "true",
    }
    for name, value in launch["parameters"].items():
        assert all(re.fullmatch(pattern, value) for pattern in PARAMETERS[name]["regexes"]), name
    command = LAUNCH.make_command([f"--{name}={value}" for name, value in launch["parameters"].items()])
    options = make_embed_options(COMMANDS["embed"].parse(command[1:]))
    assert options.input == ("gs://my-bucket/corpus/*.jsonl", 'gs://my-bucket/more "texts"/*')
    assert (options.gpu, options.incremental, options.full_snapshot) == ("l4", True, True)


def test_the_script_run_again_changes_the_job(tmp_path: Path) -> None:
    arguments, _ = run_script(tmp_path, exists=True)
    assert arguments[2] == "update" and "--update-headers" in arguments and "--headers" not in arguments


@pytest.mark.parametrize("name", SETTINGS)
def test_the_script_asks_for_what_is_missing(name: str, tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], **{key: value for key, value in SETTINGS.items() if key != name}}
    finished = subprocess.run(
        [FOLDER / "cloud_scheduler.sh"], env=environment, capture_output=True, text=True, check=False
    )
    assert finished.returncode != 0 and f"{name}: give " in finished.stderr


def test_terraform_is_formatted() -> None:
    """It can't be validated without the provider, which is not to be had here (docs/schedule.md)."""
    subprocess.run([find_program("terraform"), "fmt", "-check", "-diff", FOLDER / "terraform"], check=True)


def test_terraform_launches_as_the_script_does(tmp_path: Path) -> None:
    """Terraform itself evaluates the request, without the provider."""
    terraform = find_program("terraform")
    _, body = run_script(tmp_path, FLAGS="embeddings=mean")
    folder = tmp_path / "terraform"
    folder.mkdir()
    for name in ("variables.tf", "launch.tf"):
        shutil.copy(FOLDER / "terraform" / name, folder)
    worker = "albert-embed-worker@my-project.iam.gserviceaccount.com"
    (folder / "worker.tf").write_text(f'locals {{\n  worker = "{worker}"\n}}\n')
    parameters = {"embeddings": "mean", **{name.lower(): SETTINGS[name] for name in ("MODEL", "INPUT", "OUTPUT")}}
    settings = {name.lower(): SETTINGS[name] for name in ("PROJECT", "REGION", "TEMPLATE")}
    (folder / "terraform.tfvars.json").write_text(
        json.dumps({**settings, "bucket": "my-bucket", "parameters": parameters})
    )
    expression = "jsonencode(local.launch)\n"
    command = [terraform, f"-chdir={folder}", "console"]
    printed = subprocess.run(command, input=expression, capture_output=True, text=True, check=True).stdout
    assert json.loads(json.loads(printed)) == body


def test_terraform_posts_it_where_the_script_does() -> None:
    files = {path.name: path.read_text(encoding="utf-8") for path in (FOLDER / "terraform").glob("*.tf")}
    assert set(files) == {"main.tf", "variables.tf", "launch.tf"}
    text = "".join(files.values())
    assert "body        = base64encode(jsonencode(local.launch))" in files["main.tf"]
    uri = "https://dataflow.googleapis.com/v1b3/projects/${var.project}/locations/${var.region}/flexTemplates:launch"
    assert f'"{uri}"' in files["main.tf"]
    script = (FOLDER / "cloud_scheduler.sh").read_text(encoding="utf-8")
    assert uri.replace("${var.project}", "$PROJECT").replace("${var.region}", "$REGION") in script
    assert set(re.findall(r"var\.(\w+)", text)) == set(re.findall(r'^variable "(\w+)"', text, re.MULTILINE))


def list_commands() -> list[str]:
    cron = (FOLDER / "crontab").read_text(encoding="utf-8")
    service = (FOLDER / "systemd" / "albert-embed.service").read_text(encoding="utf-8")
    lines = [line.split("albert-embed.lock ")[1].split(" 2>>")[0] for line in cron.splitlines() if "flock --" in line]
    return lines + re.findall(r"^ExecStart=(.*)$", service, re.MULTILINE)


@pytest.mark.parametrize("command", list_commands(), ids=["cron", "systemd"])
def test_the_commands_are_ones_that_the_program_takes(command: str) -> None:
    program, name, *arguments = shlex.split(command)
    assert program.endswith("/albert-embed")
    parsed = COMMANDS[name].parse(arguments)
    assert make_embed_options(parsed).incremental
    assert parsed.values["result_file"].endswith(".json")


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    analyze = find_program("systemd-analyze")
    program = shutil.which("true")
    for unit in (FOLDER / "systemd").iterdir():
        text = unit.read_text(encoding="utf-8").replace("/opt/albert-embed/bin/albert-embed", str(program))
        (tmp_path / unit.name).write_text(text.replace("User=albert-embed\n", ""))
    units = sorted(str(path) for path in tmp_path.iterdir())
    finished = subprocess.run([analyze, "verify", "--man=no", *units], capture_output=True, text=True, check=False)
    assert (finished.returncode, [line for line in finished.stderr.splitlines() if "albert-embed" in line]) == (0, [])


def test_the_timer_is_every_night() -> None:
    analyze = find_program("systemd-analyze")
    text = (FOLDER / "systemd" / "albert-embed.timer").read_text(encoding="utf-8")
    (calendar,) = re.findall(r"^OnCalendar=(.*)$", text, re.MULTILINE)
    subprocess.run([analyze, "calendar", calendar], check=True, capture_output=True)
