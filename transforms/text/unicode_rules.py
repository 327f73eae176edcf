"""Python's own Unicode rules as data, for graphs that must compute what Python's `str` methods do.

The rules come from the running interpreter (`str.isspace`, `unicodedata`, `str.lower`) and not from a fixed list. So a
graph agrees with the Python that built it, whatever Unicode version that Python has.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import operator
import unicodedata
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

CAPITAL_SIGMA = "\u03a3"
SURROGATE = "\ud800"
CODE_POINT_COUNT = 0x110000
PAGE_SIZE = 256


@functools.lru_cache(maxsize=1)
def list_characters() -> str:
    """Lists every character that UTF-8 can carry: all code points except the surrogates, in their order."""
    # Every start of the program goes over these 1.1 million characters, so it is done by C functions: `map`, `compress`
    # and the methods of `str`, each over all of them at once.
    return "".join(map(chr, itertools.chain(range(0xD800), range(0xE000, CODE_POINT_COUNT))))


@functools.lru_cache(maxsize=1)
def list_assigned_characters() -> str:
    """Lists the characters that this Python knows; all others, and the private ones, have neither rules nor a case."""
    characters = list_characters()
    unknown = map({"Cn", "Co"}.__contains__, map(unicodedata.category, characters))
    return "".join(itertools.compress(characters, map(operator.not_, unknown)))


def format_regex_class(characters: Iterable[str], *, negate: bool = False) -> str:
    """Formats an RE2 character class, as ranges, of exactly these characters (or all others)."""
    ranges: list[list[int]] = []
    for code_point in sorted(map(ord, characters)):
        if ranges and ranges[-1][1] == code_point - 1:
            ranges[-1][1] = code_point
        else:
            ranges.append([code_point, code_point])
    body = "".join(rf"\x{{{first:x}}}-\x{{{last:x}}}" for first, last in ranges)
    return f"[^{body}]" if negate else f"[{body}]"


@functools.lru_cache(maxsize=1)
def list_whitespace() -> str:
    """Lists what `str.split()` and `str.strip()` treat as whitespace."""
    characters = list_assigned_characters()
    return "".join(itertools.compress(characters, map(str.isspace, characters)))


@functools.lru_cache(maxsize=1)
def list_combining_characters() -> str:
    """Lists the characters with a canonical combining class other than 0."""
    characters = list_assigned_characters()
    return "".join(itertools.compress(characters, map(unicodedata.combining, characters)))


def normalize_in_python(text: str, *, lower_case: bool) -> str:
    """Normalises as the ALBERT repository does after its whitespace step: NFKD, no combining characters, lower case.

    Source of the rule: google-research/albert tokenization.py, `preprocess_text`.
    """
    stripped = "".join(itertools.filterfalse(unicodedata.combining, unicodedata.normalize("NFKD", text)))
    return stripped.lower() if lower_case else stripped


def lower_but_sigma(text: str) -> str:
    """Lower-cases each character by itself, and leaves capital sigmas, whose lower case depends on their neighbours."""
    return "".join(part if part == CAPITAL_SIGMA else part.lower() for part in text)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CodePointTable:
    """What one code point becomes, for all of them, as a two-level table.

    NFKD followed by the removal of combining characters works code point by code point: NFKD reorders only combining
    characters, and those are removed. So does lower-casing, except for the capital sigma, which stays as it is here and
    is left to the sigma rule.

    Attributes:
      pages: int32 [0x110000 / 256], the block of `entries` that a run of 256 code points uses.
      entries: int32 [blocks * 256], row of `replacements`; 0 means "itself".
      replacement_splits: int32 [rows + 1], where each row of `replacement_values` starts and ends.
      replacement_values: int32, code points.
    """

    pages: npt.NDArray[np.int32]
    entries: npt.NDArray[np.int32]
    replacement_splits: npt.NDArray[np.int32]
    replacement_values: npt.NDArray[np.int32]


@functools.lru_cache(maxsize=2)
def build_code_point_table(*, lower_case: bool) -> CodePointTable:
    """Builds the table of what every code point becomes under `normalize_in_python`, the capital sigma kept."""
    rows: dict[str, int] = {"\ufffd": 0}  # row 0 means "itself"; its own content is never read
    entries = np.zeros(CODE_POINT_COUNT, np.int32)
    for character in _list_changing_characters():
        becomes = normalize_in_python(character, lower_case=False)
        if lower_case:
            becomes = lower_but_sigma(becomes)
        if becomes != character:
            entries[ord(character)] = rows.setdefault(becomes, len(rows))
    blocks, pages = np.unique(entries.reshape(-1, PAGE_SIZE), axis=0, return_inverse=True)
    lengths = np.array([len(row) for row in rows], np.int32)
    return CodePointTable(
        pages=pages.reshape(-1).astype(np.int32),
        entries=blocks.reshape(-1),
        replacement_splits=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32),
        replacement_values=np.array([ord(part) for row in rows for part in row], np.int32),
    )


def _list_changing_characters() -> str:
    """Lists the characters that NFKD, the removal of combining characters or lower-casing changes."""
    characters = list_assigned_characters()
    decomposed = map(functools.partial(unicodedata.normalize, "NFKD"), characters)
    lowered = map(str.lower, characters)
    combining = map(unicodedata.combining, characters)
    changing = (
        one != character or other != character or class_ != 0
        for character, one, other, class_ in zip(characters, decomposed, lowered, combining, strict=True)
    )
    return "".join(itertools.compress(characters, changing))


@dataclasses.dataclass(frozen=True, kw_only=True)
class SigmaContext:
    """The two character classes that decide how Python lower-cases a capital sigma.

    Attributes:
      cased: a letter that makes a following sigma final, unless another such letter comes after it.
      ignorable: skipped when looking for such a letter, on both sides.
    """

    cased: str
    ignorable: str


@functools.lru_cache(maxsize=1)
def find_sigma_context() -> SigmaContext:
    """Finds the classes by calling `str.lower()` itself: `unicodedata` does not have them.

    "cΣ" ends in a final sigma only if c is cased and not ignorable; "AcΣ" only if it is that or ignorable.
    Source of the rule: CPython Objects/unicodeobject.c, `handle_capital_sigma`.
    """
    characters = list_assigned_characters()
    after_it = _find_final_sigmas(characters, "")
    after_both = _find_final_sigmas(characters, "A")
    ignorable = (skipped and not final for final, skipped in zip(after_it, after_both, strict=True))
    return SigmaContext(
        cased=format_regex_class(itertools.compress(characters, after_it)),
        ignorable=format_regex_class(itertools.compress(characters, ignorable)),
    )


def _find_final_sigmas(characters: str, before: str) -> list[bool]:
    """Returns for each character whether `str.lower()` makes a capital sigma final that follows `before` and it."""
    # All in one text. A lone surrogate is neither a letter nor ignorable, so it separates them.
    text = SURROGATE.join(f"{before}{character}{CAPITAL_SIGMA}" for character in characters)
    return [word.endswith("\u03c2") for word in text.lower().split(SURROGATE)]
