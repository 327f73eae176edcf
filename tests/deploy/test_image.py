"""The image: what it is made of is what the program is pinned to, and its scripts start what they should."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from tests.deploy.programs import DEPLOY, find_program, write_stub
from tests.packaging.test_checks import read_pins
from tests.tiny_model import ROOT

FOLDER = DEPLOY / "dataflow"
DOCKERFILE = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
SCRIPTS = sorted(DEPLOY.rglob("*.sh"))


def read_arguments() -> dict[str, str]:
    """Returns the build arguments that have a default."""
    return dict(re.findall(r"^ARG (\w+)=(\S+)$", DOCKERFILE, re.MULTILINE))


def list_instructions() -> list[tuple[str, str]]:
    """Returns each instruction with its arguments, continued lines joined."""
    lines = [line for line in DOCKERFILE.splitlines() if not line.lstrip().startswith("#")]
    text = "\n".join(lines).replace("\\\n", " ")
    return [
        (name, rest.strip()) for name, _, rest in (line.partition(" ") for line in text.splitlines() if line.strip())
    ]


def test_beam_and_python_are_those_of_setup() -> None:
    setup = ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))
    strings = [node.value for node in ast.walk(setup) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    (beam,) = [string.split("==")[1] for string in strings if string.startswith("apache-beam")]
    (python,) = [string for string in strings if string.startswith(">=3")]
    arguments = read_arguments()
    assert arguments["BEAM_VERSION"] == beam
    assert Requirement(f"python{python}").specifier.contains(arguments["PYTHON_VERSION"] + ".0")


@pytest.mark.parametrize(
    ("device", "engine", "installed"),
    [
        ("cpu", "tensorflow", "[wheel/a-1.whl]"),
        ("gpu", "tensorflow", "[--requirement] [gpu-requirements.txt] [wheel/a-1.whl]"),
        ("cpu", "jax", "[wheel/a-1.whl[jax]]"),
        ("gpu", "jax", "[--requirement] [gpu-jax-requirements.txt] [wheel/a-1.whl[jax]]"),
        ("tpu", "jax", None),
        ("gpu", "", None),
    ],
)
def test_what_is_installed(device: str, engine: str, installed: str | None, tmp_path: Path) -> None:
    """Runs the instruction itself with a `pip` that prints what it gets."""
    (script,) = [rest for name, rest in list_instructions() if name == "RUN" and "pip install" in rest]
    (tmp_path / "wheel").mkdir()
    (tmp_path / "wheel" / "a-1.whl").touch()
    write_stub(tmp_path / "pip")
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "DEVICE": device, "ENGINE": engine}
    finished = subprocess.run(["sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    if installed is None:
        assert finished.returncode == 2 and "give cpu or gpu, tensorflow or jax" in finished.stderr
    else:
        install, check = finished.stdout.splitlines()
        assert install == f"pip [install] [--no-cache-dir] [--constraint] [constraints.txt] {installed}"
        assert (finished.returncode, check) == (0, "pip [check]")


def list_cuda_bounds() -> list[Requirement]:
    """Returns what `tensorflow[and-cuda]` requires of NVIDIA's packages."""
    required = [Requirement(line) for line in importlib.metadata.requires("tensorflow") or ()]
    cuda = [each for each in required if each.marker and each.marker.evaluate({"extra": "and-cuda"})]
    return [each for each in cuda if each.name.startswith("nvidia")]


def test_jax_on_a_gpu_is_the_extra_of_setup_with_its_plugin() -> None:
    pins = dict(read_pins(FOLDER / "gpu-jax-requirements.txt"))
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    jax = [Requirement(text) for text in re.findall(r'"(jax==[^"]+)"', setup)]
    python = {"python_version": read_arguments()["PYTHON_VERSION"]}
    (version,) = [str(each.specifier)[2:] for each in jax if each.marker and each.marker.evaluate(python)]
    assert pins["jax-cuda12-plugin"] == pins["jax-cuda12-pjrt"] == version
    assert {each.name for each in list_cuda_bounds()} <= set(pins)
    assert [each for each in list_cuda_bounds() if not each.specifier.contains(pins[each.name])] == []


def test_cuda_is_what_tensorflow_is_built_with() -> None:
    """Of each package that `tensorflow[and-cuda]` requires, the lowest version, and no other package."""
    lowest = {
        (each.name, bound.version) for each in list_cuda_bounds() for bound in each.specifier if bound.operator == ">="
    }
    assert read_pins(FOLDER / "gpu-requirements.txt") == lowest
    assert len(lowest) >= 10
    versions = dict(lowest)
    assert Version(versions["nvidia-cuda-runtime-cu12"]).release[:2] == (12, 5)
    assert Version(versions["nvidia-cudnn-cu12"]).major == 9


def test_what_is_copied_is_there_and_not_ignored() -> None:
    sources = [
        source
        for name, rest in list_instructions()
        if name == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    ]
    assert len(sources) > 8
    assert [source for source in sources if not (ROOT / source).exists()] == []
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert [
        source for source in sources if not any(source == name or source.startswith(f"{name}/") for name in kept)
    ] == []


def test_it_does_not_run_as_root_and_starts_the_script() -> None:
    instructions = list_instructions()
    (user,) = [rest for name, rest in instructions if name == "USER"]
    assert user.isdigit() and int(user) > 0 and f"useradd --uid {user} " in DOCKERFILE
    last = [name for name, _ in instructions]
    assert last[-3:] == ["USER", "HEALTHCHECK", "ENTRYPOINT"]
    assert json.loads(instructions[-1][1]) == ["/opt/albert-embed/entrypoint.sh"]


def test_the_driver_is_found_where_dataflow_mounts_it() -> None:
    assert "LD_LIBRARY_PATH=/usr/local/nvidia/lib64" in DOCKERFILE


def test_hadolint_finds_nothing() -> None:
    subprocess.run([find_program("hadolint"), FOLDER / "Dockerfile"], check=True)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing(script: Path) -> None:
    subprocess.run([find_program("shellcheck"), script], check=True)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_can_be_run(script: Path) -> None:
    assert os.access(script, os.X_OK)


@pytest.mark.parametrize(
    ("arguments", "started"),
    [
        (
            ["--id=1-1", "--provision_endpoint=localhost:12345"],
            "boot [--id=1-1] [--provision_endpoint=localhost:12345]",
        ),
        (["launch", "--a b"], "launcher [--a b]"),
        (["embed", "--input", "a b"], "program [embed] [--input] [a b]"),
        (["--version"], "program [--version]"),
        ([], "program [--help]"),
    ],
)
def test_the_entrypoint_starts_what_it_is_asked_for(arguments: list[str], started: str, tmp_path: Path) -> None:
    stubs = {name.upper(): str(write_stub(tmp_path / name)) for name in ("boot", "launcher", "program")}
    command = [str(FOLDER / "entrypoint.sh"), *arguments]
    assert subprocess.check_output(command, env={**os.environ, **stubs}, text=True) == f"{started}\n"


def test_the_entrypoint_ends_as_what_it_starts(tmp_path: Path) -> None:
    program = write_stub(tmp_path / "program", "exit 3")
    finished = subprocess.run(
        [FOLDER / "entrypoint.sh", "embed"], env={**os.environ, "PROGRAM": str(program)}, check=False
    )
    assert finished.returncode == 3


def test_the_check_embeds_one_line_with_the_model_inside(tmp_path: Path) -> None:
    program = write_stub(tmp_path / "program", 'case "$1" in embed) cat ;; esac')
    model = tmp_path / "model"
    model.mkdir()
    environment = {**os.environ, "PROGRAM": str(program), "MODEL": str(model)}
    printed = subprocess.check_output([FOLDER / "check-image.sh"], env=environment, text=True)
    assert printed.splitlines() == ["program [--version]", f"there is no model in {model}; nothing was embedded"]
    (model / "saved_model.pb").write_bytes(b"")
    version, embed, line = subprocess.check_output([FOLDER / "check-image.sh"], env=environment, text=True).splitlines()
    assert (version, line) == ("program [--version]", "One line.")
    assert embed.startswith(f"program [embed] [--model] [{model}] [--input] [-] [--format] [text] [--output] [")


def test_a_check_that_fails_fails(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"")
    program = write_stub(tmp_path / "program", 'case "$1" in embed) exit 4 ;; esac')
    environment = {**os.environ, "PROGRAM": str(program), "MODEL": str(tmp_path)}
    assert subprocess.run([FOLDER / "check-image.sh"], env=environment, check=False).returncode == 4


def test_cloud_build_builds_checks_and_pushes_what_make_does() -> None:
    build = yaml.safe_load((FOLDER / "cloudbuild.yaml").read_text(encoding="utf-8"))
    steps = {step["id"]: step["args"] for step in build["steps"]}
    assert list(steps) == ["build", "check", "push", "template"]
    declared = set(build["substitutions"])
    used = set(re.findall(r"\$\{(_\w+)\}", json.dumps(build)))
    assert used == declared
    given = [argument.split("=")[1] for argument in steps["build"] if argument.startswith("--build-arg=")]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = makefile.split("\ndataflow-image:")[1].split("\n\n")[0]
    assert given == re.findall(r"--build-arg (\w+)=", recipe)
    assert set(given) <= {rest.split("=")[0] for name, rest in list_instructions() if name == "ARG"}
    assert "--metadata-file=deploy/dataflow/metadata.json" in steps["template"]
