"""The versions that shape a result: this program's and its libraries'."""

from __future__ import annotations

import importlib.metadata

_NAMES = ("albert-embed", "apache-beam", "tensorflow", "tensorflow-text", "tensorflow-transform", "tfx-bsl")


def list_versions() -> dict[str, str]:
    """Name → version."""
    return {name: importlib.metadata.version(name) for name in _NAMES}
