"""Finds the lengths of shortened vectors that a published model was trained for (Matryoshka)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from albert_embed.transforms.files.json_object import read_json_object

# Source of the forms: the configs of models that name them (`matryoshka_dimensions`, which serving programs read too),
# and the model card that sentence-transformers writes, where the parameters of MatryoshkaLoss are listed, as JSON
# (since version 3) or as a Python dict.
CARD_FILE = "README.md"
_CONFIG_FILES = ("config_sentence_transformers.json", "config.json")
_CONFIG_FIELD = "matryoshka_dimensions"
_IN_CARD = re.compile(r"""["']matryoshka_dims["']\s*:\s*\[([\s\d,]+)\]""")


def find_trained_dimensions(folders: Iterable[Path]) -> tuple[int, ...]:
    """Returns the numbers of values for which a model was trained, ascending; empty where its files say nothing.

    Args:
      folders: of the model's files.
    """
    found: set[int] = set()
    for folder in folders:
        for name in _CONFIG_FILES:
            found.update(_read_config(folder / name))
        found.update(_read_card(folder / CARD_FILE))
    return tuple(sorted(found))


def _read_config(path: Path) -> list[int]:
    try:
        given = read_json_object(path).get(_CONFIG_FIELD)
    except (OSError, ValueError):
        return []  # whoever needs the file says what is wrong with it
    return [number for number in given if type(number) is int and number > 0] if isinstance(given, list) else []


def _read_card(path: Path) -> list[int]:
    if not path.is_file():
        return []
    lists = _IN_CARD.findall(path.read_text(encoding="utf-8", errors="replace"))
    return [int(number) for numbers in lists for number in re.findall(r"\d+", numbers) if int(number) > 0]
