"""How a run ended, where its job has ended and the next run may have begun."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from apache_beam.runners.runner import PipelineState

from albert_embed.pipeline.commit.plan import make_plan, write_plan
from albert_embed.pipeline.commit.staging import StagingFolder
from albert_embed.pipeline.commit.verdict import PUBLISHED
from albert_embed.pipeline.job.submit_run import explain, read_published, wait_for_verdict
from albert_embed.pipeline.publication.run_errors import RunFailedError
from tests.pipeline.embedded_rows import make_manifest, make_rows, publish_rows

DONE: Any = SimpleNamespace(wait_until_finish=lambda: PipelineState.DONE)


def find_staging(directory: Path, run: str = "20260102T030405Z-0123456789ab") -> StagingFolder:
    return StagingFolder(directory=str(directory), run=run)


def test_a_run_whose_verdict_the_next_one_has_removed_is_published_all_the_same(tmp_path: Path) -> None:
    published = publish_rows(tmp_path, [make_rows([2])])
    staging = find_staging(tmp_path, published.run)
    for verdict in (wait_for_verdict(DONE, staging), explain(staging, RuntimeError("the connection is lost"))):
        assert (verdict.kind, verdict.generation) == (PUBLISHED, 1)
    assert read_published(staging, 1) == published


def test_a_run_that_is_published_and_not_complete_says_so(tmp_path: Path) -> None:
    published = publish_rows(tmp_path, [make_rows([2])])
    staging = find_staging(tmp_path, published.run)
    write_plan(staging, make_plan(make_manifest([], "float_list"), run=published.run, generation=1, schemas={}))
    with pytest.raises(RunFailedError, match=r"^version 1 of .* is published, but not all that follows is done: run "):
        explain(staging, RuntimeError("a table is gone"))


def test_a_run_that_has_not_published_is_no_success(tmp_path: Path) -> None:
    publish_rows(tmp_path, [make_rows([2])])
    staging = find_staging(tmp_path)
    with pytest.raises(RuntimeError, match="the pipeline ended without publishing"):
        wait_for_verdict(DONE, staging)
    with pytest.raises(RuntimeError, match="the connection is lost"):
        explain(staging, RuntimeError("the connection is lost"))


def test_a_version_that_another_run_has_replaced_is_not_called_unpublished(tmp_path: Path) -> None:
    first = publish_rows(tmp_path, [make_rows([2])])
    publish_rows(tmp_path, [make_rows([3])])
    with pytest.raises(RunFailedError, match=r"^the run has published version 1 of .*which another run has replaced: "):
        read_published(find_staging(tmp_path, first.run), 1)
