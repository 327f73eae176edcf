"""Finds which characters of a text each character of its normalised form came from."""

from __future__ import annotations

import dataclasses
import functools
import re

from albert_embed.transforms.text.unicode_rules import CAPITAL_SIGMA, lower_but_sigma, normalize_in_python

_SPACES_OR_CHARACTER = re.compile(r"\s+|\S")  # `\s` is what `str.isspace` calls whitespace


@dataclasses.dataclass(frozen=True, kw_only=True)
class NormalizedText:
    """A text as `normalize_text` leaves it, with what each character came from.

    Attributes:
      text: n characters.
      starts, ends: n each: the characters `[start, end)` of the original. Neither ever decreases. What normalisation
        drops, such as a combining mark, belongs to the character before it, or at the very start to the one after it.
    """

    text: str
    starts: list[int]
    ends: list[int]


def normalize_with_sources(text: str, *, lower_case: bool) -> NormalizedText:
    """Normalises a text as the ALBERT repository does, and says what came from where.

    NFKD followed by the removal of combining characters works character by character, as `CodePointTable` explains. So
    does lower-casing, except that the form of a sigma, not its length, depends on its neighbours.
    """
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    first = len(text) - len(text.lstrip())
    for match in _SPACES_OR_CHARACTER.finditer(text, first, len(text.rstrip())):
        start, end = match.span()
        character = text[start]
        part = " " if character.isspace() else normalize_character(character, lower_case=lower_case)
        if part:
            parts.append(part)
            starts += [start if starts else first] * len(part)
            ends += [end] * len(part)
        elif ends:
            ends[-1] = end
    normalized = "".join(parts)
    if lower_case and CAPITAL_SIGMA in normalized:
        normalized = normalized.lower()
    return NormalizedText(text=normalized, starts=starts, ends=ends)


@functools.lru_cache(maxsize=1 << 16)
def normalize_character(character: str, *, lower_case: bool) -> str:
    """Normalises one character: NFKD, no combining characters, and lower case except for the capital sigma."""
    decomposed = normalize_in_python(character, lower_case=False)
    return lower_but_sigma(decomposed) if lower_case else decomposed
