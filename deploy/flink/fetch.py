"""Fetches what a local Flink cluster needs, once: Flink's own jars, and Beam's job server for it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
FLINK_VERSION = "1.19.3"
# The name of a folder to keep what is fetched in.
CACHE_VARIABLE = "ALBERT_ENGINES_CACHE"
_MAXIMUM_SECONDS = 900
_FLINK_JARS = ("flink-dist", "flink-scala", "log4j")


class UnavailableError(RuntimeError):
    """A program or file that is needed is not there and can't be fetched."""


def cache_folder() -> Path:
    """Returns where fetched files are kept: what `ALBERT_ENGINES_CACHE` names, else a folder of the user's cache."""
    given = os.environ.get(CACHE_VARIABLE)
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(given) if given else Path(home) / "albert-embed" / "engines"


def fetch_flink() -> Path:
    """Returns a folder with Flink's jars.

    Raises:
      UnavailableError: if they can't be fetched.
    """
    folder = cache_folder() / f"flink-{FLINK_VERSION}"
    if not folder.exists():
        find_program("java")
        with _new_folder(folder) as new:
            requirement = f"apache-flink-libraries=={FLINK_VERSION}"
            run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", new, requirement])
            [archive] = Path(new).glob("*.tar.gz")
            _extract_jars(archive, Path(new))
            archive.unlink()
            os.rename(new, folder)
    return folder


def fetch_job_server() -> Path:
    """Returns a folder with the jars of Beam's job server for Flink.

    Raises:
      UnavailableError: if they can't be fetched.
    """
    project = HERE / "job-server" / "pom.xml"
    folder = cache_folder() / f"flink-job-server-{hashlib.sha256(project.read_bytes()).hexdigest()[:12]}"
    if not folder.exists():
        maven = find_program("mvn")
        with _new_folder(folder) as new, tempfile.TemporaryDirectory() as build:
            shutil.copy(project, build)
            copy = ["dependency:copy-dependencies", f"-DoutputDirectory={new}"]
            run([maven, "--quiet", "--batch-mode", "--file", f"{build}/pom.xml", *copy])
            os.rename(new, folder)
    return folder


def find_program(name: str) -> str:
    """Returns the path of a program; raises UnavailableError where there is none."""
    path = shutil.which(name)
    if path is None:
        raise UnavailableError(f"there is no {name} on the PATH")
    return path


def run(command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> None:
    """Runs a command that fetches something.

    Args:
      command: with its arguments.
      environment: what it has in its environment besides this process's.

    Raises:
      UnavailableError: if it fails; the message has what it printed last.
    """
    try:
        finished = subprocess.run(
            command,
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_MAXIMUM_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as e:
        raise UnavailableError(f"{' '.join(command)} did not end in {_MAXIMUM_SECONDS} seconds") from e
    if finished.returncode:
        raise UnavailableError(f"{' '.join(command)} failed: {finished.stdout[-500:]}")


def _new_folder(folder: Path) -> tempfile.TemporaryDirectory[str]:
    """Returns a new folder beside `folder`, to be renamed when it is complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix=f"{folder.name}-", dir=folder.parent, ignore_cleanup_errors=True)


def _extract_jars(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as files:
        for member in files:
            path = Path(member.name)
            source = files.extractfile(member) if path.suffix == ".jar" and path.parent.name == "lib" else None
            if source is not None and path.name.startswith(_FLINK_JARS):
                with source, (folder / path.name).open("wb") as target:
                    shutil.copyfileobj(source, target)


if __name__ == "__main__":
    print(fetch_flink())
    print(fetch_job_server())
