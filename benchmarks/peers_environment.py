"""The peers' own virtual environment, made from `peers-requirements.txt` where it is missing."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

_REQUIREMENTS = Path(__file__).with_name("peers-requirements.txt")
_COMPLETE = "complete"  # a file in the environment that says that everything was installed


def default_peers_python() -> Path:
    """Returns the interpreter of the environment for the current pins; it need not exist yet."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    pins = hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()[:12]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return cache / "albert-embed" / f"peers-python{version}-{pins}" / "bin" / "python"


def make_peers_environment(python: Path) -> None:
    """Makes the environment whose interpreter is `python`, unless it is there and complete.

    Raises:
      subprocess.CalledProcessError: if it can't be made or a package can't be installed.
    """
    directory = python.parent.parent
    if (directory / _COMPLETE).exists():
        return
    print(f"installing the peers into {directory} (several GB, once)", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(directory)], check=True)
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", "-r", str(_REQUIREMENTS)], check=True)
    (directory / _COMPLETE).touch()
