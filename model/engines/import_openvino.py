"""`import_openvino`: OpenVINO without its reports over the network."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

_REPORTS = "openvino_telemetry"


def import_openvino() -> Any:
    """Imports OpenVINO, which then finds no package for reports of its use.

    That package asks nobody: as soon as OpenVINO is imported it forks this process, which may hold threads and a GPU,
    and writes into the user's home. It has no switch but a file there. Without the package nothing is reported.

    Raises:
      ImportError: if OpenVINO is not installed.
    """
    with _hidden(_REPORTS):
        import openvino
    return openvino


@contextlib.contextmanager
def _hidden(package: str) -> Iterator[None]:
    """Lets imports of a package fail while the `with` block runs, unless it is imported already."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # what the import system takes for "there is none"
    try:
        yield
    finally:
        del sys.modules[package]
