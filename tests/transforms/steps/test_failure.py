"""`Failure` as a line of JSON."""

from __future__ import annotations

import json

from albert_embed.transforms.steps.failure import Failure


def test_what_utf8_can_not_hold_is_written_with_backslashes() -> None:
    error = "str \ud800é\n, which is not of type int64"
    failure = Failure(id=b"caf\xe9", stage="read", reason="wrong type", error=error, text=b"\xff")
    line = failure.to_json()
    assert json.loads(line.encode()) == {
        "id": "caf\\xe9",
        "stage": "read",
        "reason": "wrong type",
        "error": "str \\ud800é\n, which is not of type int64",
        "text": "\\xff",
        "window": None,
    }
    assert len(line.splitlines()) == 1
