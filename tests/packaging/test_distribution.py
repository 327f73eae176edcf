"""What `pip install` brings: one package, `albert_embed`, from a wheel, from an sdist and from `git archive`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.engines.bare_environment import make_bare_environment
from tests.tiny_model import ROOT

pytestmark = pytest.mark.integration

# What lies in a working tree and is no part of it.
_NOT_OF_THE_TREE = shutil.ignore_patterns(
    ".git", ".venv", "build", "dist", "shared", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis", ".coverage*"
)
_SHIPPED = (
    "albert_embed/py.typed",
    "albert_embed/model/default_model/README.md",
    "albert_embed/model/default_model/config.json",
    "albert_embed/model/default_model/model.safetensors",
    "albert_embed/model/default_model/spiece.model",
    "albert_embed/model/default_model/tokenizer_config.json",
    "albert_embed/providers.yaml",
    "albert_embed/pipeline/launch/gpu_types.json",
    "albert_embed/pipeline/report/templates/report.html.jinja",
)


def run(*command: str | Path, cwd: Path) -> str:
    """Returns what the command prints; an AssertionError with all that it said where it fails."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    finished = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, f"{command}\n{finished.stdout}\n{finished.stderr}"
    return finished.stdout


def build_wheel(source: Path, directory: Path) -> Path:
    """Returns the wheel built from `source`, which is changed by that."""
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", directory, ".", cwd=source)
    (wheel,) = directory.glob("*.whl")
    return wheel


def list_modules() -> set[str]:
    """Returns every module of the tree under its name in a wheel."""
    return {
        f"albert_embed/{path.relative_to(ROOT).as_posix()}"
        for folder in ("pipeline", "model", "transforms")
        for path in (ROOT / folder).rglob("*.py")
    } | {f"albert_embed/{path.name}" for path in (ROOT / "src" / "albert_embed").glob("*.py")}


def assert_right(wheel: Path) -> None:
    """Asserts that it holds the modules of the tree and the files they need, and nothing else at top level."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        information = next(name.split("/")[0] for name in names if name.endswith(".dist-info/METADATA"))
        top_level = archive.read(f"{information}/top_level.txt").decode().split()
        entry_points = archive.read(f"{information}/entry_points.txt").decode()
    assert top_level == ["albert_embed"]
    assert {name for name in names if not name.startswith(f"{information}/")} == {*list_modules(), *_SHIPPED}
    assert "albert-embed = albert_embed.pipeline.cli" in entry_points


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the working tree, its links kept."""
    copy = tmp_path_factory.mktemp("tree") / "tree"
    shutil.copytree(ROOT, copy, symlinks=True, ignore=_NOT_OF_THE_TREE)
    return copy


@pytest.fixture(scope="module")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the tree."""
    return build_wheel(tree, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment: the wheel, and of the running one what the wheel requires."""
    interpreter = make_bare_environment(tmp_path_factory.mktemp("environment"))
    install = ("-m", "pip", f"--python={interpreter}", "install", "--no-deps", "--no-index", wheel)
    run(sys.executable, *install, cwd=interpreter.parent)
    return interpreter


def test_the_wheel_holds_one_package(wheel: Path) -> None:
    assert_right(wheel)


def test_the_sdist_gives_the_same_wheel(tree: Path, wheel: Path, tmp_path: Path) -> None:
    build = "import sys, setuptools.build_meta as build; print(build.build_sdist(sys.argv[1]))"
    run(sys.executable, "-c", build, tmp_path, cwd=tree)
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    again = build_wheel(unpacked, tmp_path / "wheel")
    assert_right(again)
    with zipfile.ZipFile(wheel) as first, zipfile.ZipFile(again) as second:
        assert sorted(second.namelist()) == sorted(first.namelist())


def test_git_archive_gives_the_same_wheel(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not in a clone")
    run("git", "archive", "--output", tmp_path / "tree.tar", "HEAD", cwd=ROOT)
    with tarfile.open(tmp_path / "tree.tar") as archive:
        archive.extractall(tmp_path / "tree", filter="data")
        committed = {name for name in archive.getnames() if name.endswith(".py")}
    expected = {
        f"albert_embed/{name}" for name in committed if name.split("/")[0] in ("pipeline", "model", "transforms")
    }
    expected |= {name.removeprefix("src/") for name in committed if name.startswith("src/albert_embed/")}
    with zipfile.ZipFile(build_wheel(tmp_path / "tree", tmp_path / "wheel")) as built:
        names = set(built.namelist())
    assert {name for name in names if name.startswith("albert_embed/")} == {*expected, *_SHIPPED}


def test_what_is_installed_is_the_wheel(python: Path, tmp_path: Path) -> None:
    where = (
        "import albert_embed, albert_embed.pipeline.cli as cli; print(albert_embed.__file__, cli.__file__, sep='\\n')"
    )
    for file in run(python, "-I", "-c", where, cwd=tmp_path).splitlines():
        assert Path(file).is_relative_to(python.parent.parent)
    assert run(python.parent / "albert-embed", "--help", cwd=tmp_path).startswith("usage: albert-embed ")
    for name in ("pipeline", "model", "transforms"):
        missing = f"import importlib.util as i; print(i.find_spec({name!r}))"
        assert run(python, "-I", "-c", missing, cwd=tmp_path) == "None\n"


def test_beside_modules_of_the_users_own(python: Path, tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "user"
    folder.mkdir()
    for name in ("pipeline", "model", "transforms"):
        (folder / f"{name}.py").write_text(f'NAME = "the user\'s {name}"\n')
    program = folder / "embed.py"
    shutil.copyfile(Path(__file__).parent / "embed_beside_own_modules.py", program)
    printed = run(python, program, tiny_model, tmp_path / "transform", cwd=folder)
    assert sorted(printed.splitlines()) == [
        "embedded a 16",
        "embedded b 16",
        "embedded c 16",
        "own the user's model",
        "own the user's pipeline",
        "own the user's transforms",
    ]
