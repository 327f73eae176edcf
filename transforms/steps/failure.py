"""`Failure`: a document, or a row of one, that could not be embedded, and why."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

TEXT_START_BYTES = 200
_NO_TEXT = "left out, because it may quote the document (--failure-text 0)"


def describe_category(stage: str, reason: str) -> str:
    """Returns `stage: reason`, by which failures are counted."""
    return f"{stage}: {reason}"


def list_most_frequent(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Returns categories with their counts, the most frequent first, equally frequent ones in the order of names."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Failure:
    """One entry of the failures output.

    Attributes:
      id: the document's id, as in the embeddings.
      stage: where it failed: `read`, `preprocess`, `inference`, `combine` or `write`.
      reason: the kind of failure in a few fixed words, to count by.
      error: what was wrong with this document, with the offending value, and what to do about it.
      text: the start of its text, at most `TEXT_START_BYTES` bytes; empty after `combine`.
      window: which window of it failed; None where it failed as a whole.
    """

    id: bytes
    stage: str
    reason: str
    error: str
    text: bytes
    window: int | None = None

    @property
    def category(self) -> str:
        """`stage: reason`, by which failures are counted."""
        return describe_category(self.stage, self.reason)

    def without_text(self, max_bytes: int) -> Failure:
        """Returns the failure with at most so many bytes of its text.

        With 0 the error goes, too: it may quote the document. What is left says which document failed, where, and why.
        """
        if max_bytes > 0:
            return dataclasses.replace(self, text=self.text[:max_bytes])
        return dataclasses.replace(self, text=b"", error=_NO_TEXT)

    def to_json(self) -> str:
        """Returns the failure as one line of JSON; bytes that are not UTF-8 are written as `\\xNN`."""
        fields: dict[str, Any] = dataclasses.asdict(self)
        for name in ("id", "text"):
            fields[name] = fields[name].decode("utf-8", errors="backslashreplace")
        fields["error"] = self.error.encode(errors="backslashreplace").decode()  # it may quote half of a surrogate pair
        return json.dumps(fields, ensure_ascii=False)

    @staticmethod
    def from_json(line: str | bytes) -> Failure:
        """Returns the failure that `to_json` wrote; bytes that were not UTF-8 stay as `\\xNN`."""
        fields: dict[str, Any] = json.loads(line)
        for name in ("id", "text"):
            fields[name] = fields[name].encode()
        return Failure(**fields)
