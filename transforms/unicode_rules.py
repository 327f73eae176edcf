"""Python's own Unicode rules as data, for graphs that must give what Python's `str` methods give.

The rules come from the running interpreter (`str.isspace`, `unicodedata`, `str.lower`) and not from a written-out
list, so that a graph equals the Python that built it whatever Unicode version that Python carries.
"""

from __future__ import annotations

import dataclasses
import functools
import unicodedata
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

CAPITAL_SIGMA = "\u03a3"
CODE_POINT_COUNT = 0x110000
PAGE_SIZE = 256


def iterate_characters() -> Iterator[str]:
    """Yield every character that UTF-8 can carry: all code points except the surrogates."""
    for code_point in range(CODE_POINT_COUNT):
        if not 0xD800 <= code_point < 0xE000:
            yield chr(code_point)


def iterate_assigned_characters() -> Iterator[str]:
    """Yield the characters that this Python knows; the others and the private ones have no rules, nor a case."""
    return (character for character in iterate_characters() if unicodedata.category(character) not in ("Cn", "Co"))


def format_regex_class(characters: Iterable[str], *, negate: bool = False) -> str:
    """Write an RE2 character class, as ranges, that holds exactly these characters (or all others)."""
    ranges: list[list[int]] = []
    for code_point in sorted(map(ord, characters)):
        if ranges and ranges[-1][1] == code_point - 1:
            ranges[-1][1] = code_point
        else:
            ranges.append([code_point, code_point])
    body = "".join(rf"\x{{{first:x}}}-\x{{{last:x}}}" for first, last in ranges)
    return f"[^{body}]" if negate else f"[{body}]"


@functools.lru_cache(maxsize=1)
def list_whitespace() -> tuple[str, ...]:
    """List what `str.split()` and `str.strip()` take for whitespace."""
    return tuple(character for character in iterate_characters() if character.isspace())


@functools.lru_cache(maxsize=1)
def list_combining_characters() -> tuple[str, ...]:
    """List the characters with a canonical combining class other than 0."""
    return tuple(character for character in iterate_characters() if unicodedata.combining(character))


def normalize_in_python(text: str, *, lower_case: bool) -> str:
    """Normalise as the ALBERT repository does after its whitespace step: NFKD, no combining characters, lower case.

    Source of the rule: google-research/albert tokenization.py, `preprocess_text`.
    """
    decomposed = unicodedata.normalize("NFKD", text)
    stripped = "".join(character for character in decomposed if not unicodedata.combining(character))
    return stripped.lower() if lower_case else stripped


@dataclasses.dataclass(frozen=True, kw_only=True)
class CodePointTable:
    """What one code point becomes, for all of them, as a two-level table.

    NFKD followed by the removal of combining characters works code point by code point: the reordering that NFKD
    does moves combining characters only, and those are removed. Lower-casing does too, save for the capital sigma,
    which stays as it is here and is left to the sigma rule.

    Attributes:
      pages: int32 [0x110000 / 256], the block of `entries` that a run of 256 code points uses.
      entries: int32 [blocks * 256], row of `replacements`; 0 stands for "itself".
      replacement_splits: int32 [rows + 1], where each row of `replacement_values` starts and ends.
      replacement_values: int32, code points.
    """

    pages: npt.NDArray[np.int32]
    entries: npt.NDArray[np.int32]
    replacement_splits: npt.NDArray[np.int32]
    replacement_values: npt.NDArray[np.int32]


@functools.lru_cache(maxsize=2)
def build_code_point_table(*, lower_case: bool) -> CodePointTable:
    """Build the table of what every code point becomes under `normalize_in_python`, the capital sigma kept."""
    rows: dict[str, int] = {"\ufffd": 0}  # row 0 stands for "itself"; its own content is never read
    entries = np.zeros(CODE_POINT_COUNT, np.int32)
    for character in iterate_assigned_characters():
        becomes = normalize_in_python(character, lower_case=False)
        if lower_case:
            becomes = "".join(part if part == CAPITAL_SIGMA else part.lower() for part in becomes)
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
    """Find the classes by asking `str.lower()` itself: `unicodedata` does not tell them.

    "cΣ" ends in a final sigma only if c is cased and not ignorable; "AcΣ" only if it is that or ignorable.
    Source of the rule: CPython Objects/unicodeobject.c, `handle_capital_sigma`.
    """
    cased = []
    ignorable = []
    for character in iterate_assigned_characters():
        if (character + CAPITAL_SIGMA).lower().endswith("\u03c2"):
            cased.append(character)
        elif ("A" + character + CAPITAL_SIGMA).lower().endswith("\u03c2"):
            ignorable.append(character)
    return SigmaContext(cased=format_regex_class(cased), ignorable=format_regex_class(ignorable))
