"""How a run ended, as it is written down."""

from __future__ import annotations

import pytest

from albert_embed.pipeline.commit.verdict import FAILED, PUBLISHED, UNCHANGED, Verdict
from albert_embed.pipeline.shards.row_counts import RowCounts
from tests.pipeline.made_manifest import make_manifest


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict(kind=PUBLISHED, generation=3),
        Verdict(kind=FAILED, exit_status=3, error="TooManyFailuresError", message="too many"),
        Verdict(kind=UNCHANGED, manifest=make_manifest(RowCounts(documents=2, rows=3, tokens=9), generation=1)),
    ],
    ids=lambda verdict: verdict.kind,
)
def test_it_is_read_as_it_was_written(verdict: Verdict) -> None:
    assert Verdict.from_json(verdict.to_json()) == verdict
