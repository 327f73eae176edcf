"""`--compact-above`: a version more, after a run that has published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed import read_embeddings
from albert_embed.pipeline.commit.transaction import Transaction
from albert_embed.pipeline.dataset.versions import list_versions, read_manifest
from albert_embed.pipeline.job.compact_after_run import compact_after_run
from albert_embed.pipeline.job.embed_outcome import EmbedOutcome
from albert_embed.pipeline.publication.run_errors import RunFailedError
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from tests.pipeline.embedded_rows import add_rows, make_rows, publish_rows

NO_OPTIONS = PipelineOptions([])


def make_options(output: Path, **changes: Any) -> EmbedOptions:
    return EmbedOptions(model="m", input=("i",), output=str(output), incremental=True, **changes)


@pytest.fixture
def outcome(tmp_path: Path) -> EmbedOutcome:
    """A run that has published the second version, in which two of six rows are dead."""
    publish_rows(tmp_path, [make_rows([2, 3, 4])])
    manifest = add_rows(tmp_path, [make_rows([7, 8, 9], first=1)], [make_rows([3, 4], first=1)])
    return EmbedOutcome(manifest=manifest, published=True)


@pytest.mark.parametrize(("above", "compacted"), [(None, False), (50.0, False), (30.0, True)])
def test_it_is_compacted_above_the_share_of_dead_rows(
    tmp_path: Path, outcome: EmbedOutcome, above: float | None, compacted: bool
) -> None:
    after = compact_after_run(outcome, make_options(tmp_path, compact_above=above), NO_OPTIONS)
    assert (after.compacted, after.manifest) == (compacted, outcome.manifest)
    assert read_manifest(str(tmp_path)).dead_rows == (0 if compacted else 2)
    assert sum(batch.num_rows for batch in read_embeddings(str(tmp_path))) == 4


@pytest.mark.parametrize("retain", [0, 1])
def test_versions_that_the_run_retains_stay(tmp_path: Path, outcome: EmbedOutcome, retain: int) -> None:
    assert compact_after_run(outcome, make_options(tmp_path, compact_above=1.0, retain=retain), NO_OPTIONS).compacted
    assert list_versions(str(tmp_path)) == [2, 3][1 - retain :]
    shards = outcome.manifest.shards
    assert [file for file in shards if (tmp_path / file.path).exists()] == (shards if retain else [])


def test_a_run_that_can_not_be_compacted_is_not_called_a_wrong_command(tmp_path: Path, outcome: EmbedOutcome) -> None:
    other = Transaction(str(tmp_path))
    other.begin(overwrite=False, add=True)
    try:
        with pytest.raises(RunFailedError) as error:
            compact_after_run(outcome, make_options(tmp_path, compact_above=1.0), NO_OPTIONS)
    finally:
        other.end()
    said = str(error.value)
    assert said.startswith(f"{tmp_path} has the rows of this run, but could not be compacted: ")
    assert said.endswith(f"Once the cause is gone, run `albert-embed compact {tmp_path}`")
