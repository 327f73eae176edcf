"""What the first reading says of the second."""

from __future__ import annotations

import logging

import pytest

from albert_embed.pipeline.dataset.generation import DocumentCounts
from albert_embed.pipeline.incremental.compare_input import Changes
from albert_embed.pipeline.incremental.find_changes import ChangeCounts


@pytest.mark.parametrize(("met", "missing"), [(6, 0), (7, 0), (4, 2)])
def test_documents_that_changed_meanwhile_are_said(met: int, missing: int, caplog: pytest.LogCaptureFixture) -> None:
    counts = ChangeCounts(documents=DocumentCounts(read=9, new=3, changed=1, unchanged=3, not_unique=2))
    changes = Changes(counts=counts, selected_files=[], failures={}, seconds=1.0)
    with caplog.at_level(logging.WARNING):
        changes.warn_of_missing({"selected_documents": met})
    said = [f"{missing} documents were changed while the run read them; the next run will embed them"]
    assert [record.getMessage() for record in caplog.records] == (said if missing else [])
