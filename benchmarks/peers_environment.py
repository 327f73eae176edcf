"""The peers' own virtual environments, each made from its requirements where it is missing."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

PEERS = Path(__file__).with_name("peers-requirements.txt")
OPENVINO_PEERS = Path(__file__).with_name("openvino-peers-requirements.txt")
_COMPLETE = "complete"  # a file in the environment that says that everything was installed


def default_peers_python(requirements: Path) -> Path:
    """Returns the interpreter of the environment for the current pins; it need not exist yet."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    pins = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return cache / "albert-embed" / f"peers-python{version}-{pins}" / "bin" / "python"


def make_peers_environment(python: Path, requirements: Path) -> None:
    """Makes the environment whose interpreter is `python` of the requirements, unless it is there and complete.

    Raises:
      subprocess.CalledProcessError: if it can't be made or a package can't be installed.
    """
    directory = python.parent.parent
    if (directory / _COMPLETE).exists():
        return
    print(f"installing the peers into {directory} (several GB, once)", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(directory)], check=True)
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", "-r", str(requirements)], check=True)
    (directory / _COMPLETE).touch()
