"""Programs of `deploy/`, which are no part of a package, and the checkers that `make test` installs."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

import pytest

from tests.tiny_model import ROOT

DEPLOY = ROOT / "deploy"


def load_program(path: Path) -> ModuleType:
    """Imports a file as a module of its own."""
    specification = importlib.util.spec_from_file_location(f"deploy_{path.stem.replace('-', '_')}", path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


def find_program(name: str) -> str:
    """Returns the path of a checker; the test is skipped where there is none."""
    path = os.pathsep.join((sysconfig.get_path("scripts"), os.environ.get("PATH", "")))
    found = shutil.which(name, path=path)
    if found is None:
        pytest.skip(f"no {name} here; `make test` installs hadolint and shellcheck")
    return found


def write_stub(path: Path, text: str = "") -> Path:
    """Writes a program that prints its name, its arguments and then `text`."""
    path.write_text(f'#!/bin/sh\nprintf "%s" "{path.name}"\nprintf " [%s]" "$@"\necho\n{text}\n')
    path.chmod(0o755)
    return path
