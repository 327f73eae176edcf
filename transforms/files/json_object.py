"""Reads JSON files, whose errors name them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_json(path: Path) -> Any:
    """Returns what a local JSON file holds.

    Raises:
      FileNotFoundError: if there is none.
      ValueError: if it is not JSON in UTF-8.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as e:  # UnicodeDecodeError is one
        raise ValueError(f"{path} is not a JSON file: {e}") from e


def read_json_object(path: Path) -> dict[str, Any]:
    """Returns the JSON object in a local file.

    Raises:
      FileNotFoundError: if there is none.
      ValueError: if it is not JSON, or holds something else.
    """
    fields = read_json(path)
    if not isinstance(fields, dict):
        raise ValueError(f"{path} must hold a JSON object, not {type(fields).__name__}")
    return fields
