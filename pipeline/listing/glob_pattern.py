"""`GlobPattern`: which paths below a folder a pattern names."""

from __future__ import annotations

import dataclasses
import functools
import re

SPECIAL = "*?["
ANY_DEPTH = "**"
_HIDDEN = (".", "_")


@dataclasses.dataclass(frozen=True, kw_only=True)
class GlobPattern:
    """A pattern of relative paths.

    `*` and `?` stand for any and for one character of a name, `[a-z]` and `[!a-z]` for one of a set. `**` stands for
    any characters, "/" too; between slashes, for any number of folders, none included.

    Attributes:
      parts: what stands between the slashes.
    """

    parts: tuple[str, ...]

    @functools.cached_property
    def depth(self) -> int:
        """How many parts there are before the first that can stand for several folders."""
        return next((depth for depth, part in enumerate(self.parts) if ANY_DEPTH in part), len(self.parts))

    @functools.cached_property
    def _expression(self) -> re.Pattern[str]:
        last = len(self.parts) - 1
        expression = ""
        for number, part in enumerate(self.parts):
            if part == ANY_DEPTH:
                expression += r"(?:[^/]+/)*" + (r"[^/]+" if number == last else "")
            else:
                expression += _translate(part) + ("/" if number < last else "")
        return re.compile(expression, re.DOTALL)

    def matches(self, path: str) -> bool:
        """Returns whether the pattern names the file at this relative path."""
        return self._expression.fullmatch(path) is not None

    def may_match_below(self, folder: str) -> bool:
        """Returns whether the pattern could name a file below the folder at this relative path."""
        names = folder.split("/")
        if len(names) >= len(self.parts) and self.depth == len(self.parts):
            return False
        return all(
            re.fullmatch(_translate(part), name, re.DOTALL)
            for part, name in zip(self.parts[: self.depth], names, strict=False)
        )

    def hides(self, path: str) -> bool:
        """Returns whether a name in this relative path starts with "." or "_", but not in the pattern itself."""
        names = path.split("/")
        parts = list(self.parts[: self.depth]) + [""] * (len(names) - self.depth)
        if len(names) >= len(self.parts):
            parts[len(names) - 1] = self.parts[-1]
        return any(
            name.startswith(_HIDDEN) and not part.startswith(name[0]) for name, part in zip(names, parts, strict=False)
        )


def _translate(part: str) -> str:
    """Returns a part as a regular expression."""
    expression = ""
    rest = part
    while rest:
        if rest.startswith(ANY_DEPTH):
            expression, rest = expression + ".*", rest.lstrip("*")
        elif rest[0] == "*":
            expression, rest = expression + "[^/]*", rest[1:]
        elif rest[0] == "?":
            expression, rest = expression + "[^/]", rest[1:]
        elif rest[0] == "[" and (end := rest.find("]", 3 if rest[1:2] in ("!", "^") else 2)) > 0:
            expression, rest = expression + _translate_set(rest[1:end]), rest[end + 1 :]
        else:
            expression, rest = expression + re.escape(rest[0]), rest[1:]
    return expression


def _translate_set(given: str) -> str:
    """Returns what stands between "[" and "]" as a regular expression for one character."""
    negated = given[0] in ("!", "^")
    rest = given[negated:]
    chosen = ""
    while rest:
        if len(rest) > 2 and rest[1] == "-":
            if rest[0] <= rest[2]:  # no character lies in a range that runs backwards
                chosen += f"{re.escape(rest[0])}-{re.escape(rest[2])}"
            rest = rest[3:]
        else:
            chosen, rest = chosen + re.escape(rest[0]), rest[1:]
    if negated:
        return f"[^/{chosen}]"
    return f"(?!/)[{chosen}]" if chosen else "(?!)"
