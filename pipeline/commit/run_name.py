"""The name of a run: no two runs have the same, and they sort by the time at which they began."""

from __future__ import annotations

import datetime
import re
import uuid

_RUN_NAME = re.compile(r"^\d{8}T\d{6}Z-[0-9a-f]{12}$")


def make_run_name() -> str:
    """Returns a new name, such as `20261126T091500Z-3f9a1c2b7d60`."""
    now = datetime.datetime.now(datetime.UTC)
    return f"{now:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:12]}"


def is_run_name(name: str) -> bool:
    """Returns whether a folder of this name is that of a run."""
    return bool(_RUN_NAME.match(name))
