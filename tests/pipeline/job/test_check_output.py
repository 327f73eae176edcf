"""Who waits for a run, and what is refused where nobody does."""

from __future__ import annotations

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.pipeline.job.check_output import check_waiting
from albert_embed.pipeline.settings.embed_options import EmbedOptions

CLUSTER = ["--runner", "FlinkRunner", "--flink_master", "127.0.0.1:8081"]
DATAFLOW = ["--runner", "DataflowRunner"]
TEMPLATE = ["--template_location", "gs://bucket/template"]


def make_options(**changes: object) -> EmbedOptions:
    return EmbedOptions(**{"model": "m", "input": ("i",), "output": "o", **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "flags",
    [[], ["--runner", "PrismRunner"], ["--runner", "FlinkRunner"], [*CLUSTER, "--environment_type", "LOOPBACK"]],
    ids=["in-process", "prism", "local flink", "loopback"],
)
def test_a_job_whose_workers_end_with_the_program_is_waited_for(flags: list[str]) -> None:
    with pytest.raises(ValueError, match=r"^--no-wait needs a runner that goes on without this program, such as "):
        check_waiting(make_options(no_wait=True), PipelineOptions(flags))
    check_waiting(make_options(), PipelineOptions(flags))


@pytest.mark.parametrize("flags", [CLUSTER, DATAFLOW, [*DATAFLOW, *TEMPLATE]], ids=["flink", "dataflow", "template"])
def test_a_job_that_goes_on_need_not_be_waited_for(flags: list[str]) -> None:
    check_waiting(make_options(no_wait=True), PipelineOptions(flags))


@pytest.mark.parametrize("flags", [[], CLUSTER], ids=["in-process", "flink"])
def test_templates_are_dataflows(flags: list[str]) -> None:
    """The others would run the job, and the command would say that a template is there."""
    with pytest.raises(ValueError, match=r"^--template_location is where Dataflow writes a template; give --runner"):
        check_waiting(make_options(), PipelineOptions([*flags, *TEMPLATE]))


def test_nothing_comes_after_a_template() -> None:
    options = make_options(incremental=True, compact_above=30.0)
    with pytest.raises(ValueError, match=r"^--compact-above works after the run, which a template only describes"):
        check_waiting(options, PipelineOptions([*DATAFLOW, *TEMPLATE]))
    check_waiting(options, PipelineOptions(DATAFLOW))
