"""What a run embeds, and what it says of documents that it did not meet."""

from __future__ import annotations

import logging

import pytest

from albert_embed.pipeline.dataset.generation import DocumentCounts
from albert_embed.pipeline.dataset.output_directory import OutputDirectory
from albert_embed.pipeline.incremental.changes import AllDocuments, Changes
from albert_embed.pipeline.incremental.find_changes import ChangeCounts
from tests.pipeline.incremental.test_add_generation import MONDAY

OUTPUT = OutputDirectory("nowhere")


@pytest.mark.parametrize(("met", "missing"), [(6, 0), (7, 0), (4, 2)])
def test_documents_that_changed_meanwhile_are_said(met: int, missing: int, caplog: pytest.LogCaptureFixture) -> None:
    counts = ChangeCounts(documents=DocumentCounts(read=9, new=3, changed=1, unchanged=3, not_unique=2))
    changes = Changes(counts=counts, selected_files=[], failures={}, seconds=1.0, previous=None, output=OUTPUT)
    with caplog.at_level(logging.WARNING):
        changes.warn_of_missing({"selected_documents": met})
    said = [f"{missing} documents changed while the run read them; the next run will embed them"]
    assert [record.getMessage() for record in caplog.records] == (said if missing else [])


def test_a_run_of_all_documents_adds_to_nothing() -> None:
    scope = AllDocuments()
    assert (scope.is_empty, scope.unchanged, scope.failures, scope.list_tombstones()) == (False, 0, {}, [])
    select: object = scope.make_select()  # type: ignore[func-returns-value]
    assert select is None
    assert scope.add_to_dataset(MONDAY) is MONDAY and not scope.is_unchanged(MONDAY)


def test_the_first_incremental_run_makes_the_dataset() -> None:
    counts = ChangeCounts(documents=DocumentCounts(read=9, new=9))
    changes = Changes(
        counts=counts, selected_files=["selected"], failures={}, seconds=1.25, previous=None, output=OUTPUT
    )
    assert (changes.is_empty, changes.unchanged, changes.list_tombstones()) == (False, 0, [])
    manifest = changes.add_to_dataset(MONDAY)
    assert manifest.changes == counts.documents and manifest.measured.comparison_seconds == 1.25
    assert manifest.generations == MONDAY.generations and not changes.is_unchanged(manifest)
