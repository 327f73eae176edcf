"""What becomes of the claim when the program ends, while its job may go on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.pipeline.commit.claim import Claim, read_claimant
from albert_embed.pipeline.commit.runner_job import RunnerJob
from albert_embed.pipeline.commit.staging import StagingFolder
from albert_embed.pipeline.commit.verdict import PUBLISHED, Verdict, write_verdict
from albert_embed.pipeline.job.job import EmbedJob

RUN = "20260102T030405Z-0123456789ab"


@pytest.mark.parametrize(
    ("alive", "ended", "stays"),
    [(True, False, True), (None, False, True), (False, False, False), (True, True, False)],
)
def test_a_job_that_goes_on_keeps_the_claim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alive: bool | None, ended: bool, stays: bool
) -> None:
    """Such as after Ctrl-C, or where the runner could not be reached any more."""
    monkeypatch.setattr(RunnerJob, "is_alive", lambda *_: alive)
    job = EmbedJob.__new__(EmbedJob)
    job._run = SimpleNamespace(beam_options=PipelineOptions([]))  # type: ignore[assignment]
    job._staging = StagingFolder(directory=str(tmp_path), run=RUN)
    job._claim = Claim(str(tmp_path), RUN)
    job._job = RunnerJob(runner="DataflowRunner", job_id="job-7")
    job._claim.acquire(PipelineOptions([]))
    job._claim.note_job(job._job)
    if ended:
        write_verdict(job._staging, Verdict(kind=PUBLISHED, generation=1))
    job._end_claim()
    claimant = read_claimant(str(tmp_path))
    assert (claimant is not None and claimant.job_id == "job-7") == stays
