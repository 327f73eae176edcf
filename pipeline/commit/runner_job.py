"""`RunnerJob`: the job that a runner executes for a run, and whether it is still alive."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions, StandardOptions
from apache_beam.runners.runner import PipelineState

from albert_embed.pipeline.settings.runner import name_runner, runs_on_this_machine

logger = logging.getLogger(__name__)

_ASK_SECONDS = 20.0
_DATAFLOW = "DataflowRunner"
# `--runner` may spell a name in other ways.
_RUNNERS = {name.lower(): name for name in (_DATAFLOW, "PortableRunner", "FlinkRunner", "SparkRunner")}


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunnerJob:
    """A job on a runner that goes on when the program that has started it ends.

    Attributes:
      runner: its name, as `find_runner` gives it.
      job_id: what the runner calls it.
    """

    runner: str
    job_id: str

    def is_alive(self, beam_options: PipelineOptions) -> bool | None:
        """Asks the runner whether the job is still alive; None if it can't say.

        Args:
          beam_options: say where the runner is.
        """
        try:
            if self.runner == _DATAFLOW:
                state = _ask_dataflow(self.job_id, beam_options)
            else:
                state = _ask_job_service(self.job_id, beam_options)
        except Exception as e:  # the clients raise many kinds; each means that there is no answer
            logger.info("%s does not say whether the job %s is alive: %s", self.runner, self.job_id, e)
            return None
        if state in (None, PipelineState.UNKNOWN, PipelineState.UNRECOGNIZED, "UNSPECIFIED"):
            return None
        return not PipelineState.is_terminal(state)


def find_runner(beam_options: PipelineOptions) -> str | None:
    """Returns the name of the runner, if its jobs may go on without this program; else None.

    A job whose workers run on this machine, as those of Prism do, ends with the program.
    """
    if runs_on_this_machine(beam_options):
        return None
    return _RUNNERS.get(name_runner(beam_options)) or str(beam_options.view_as(StandardOptions).runner)


def find_job(beam_options: PipelineOptions, result: Any) -> RunnerJob | None:
    """Finds the job behind Beam's result of a pipeline; None where there is none that outlives this program.

    Args:
      beam_options: say which runner it is.
      result: what `Pipeline.run` has returned.
    """
    runner, job_id = find_runner(beam_options), None
    if runner == _DATAFLOW:
        job_id = result.job_id() if getattr(result, "has_job", False) else None
    elif runner is not None:
        job_id = getattr(result, "_job_id", None)
    return RunnerJob(runner=runner, job_id=str(job_id)) if runner is not None and job_id else None


def _ask_dataflow(job_id: str, beam_options: PipelineOptions) -> str | None:
    from apache_beam.runners.dataflow.dataflow_runner import DataflowPipelineResult
    from apache_beam.runners.dataflow.internal import apiclient

    job = apiclient.DataflowApplicationClient(beam_options).get_job(job_id)
    state: str | None = DataflowPipelineResult.api_jobstate_to_pipeline_state(job.current_state)
    return state


def _ask_job_service(job_id: str, beam_options: PipelineOptions) -> str | None:
    import grpc
    from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

    endpoint = beam_options.view_as(PortableOptions).job_endpoint
    if not endpoint:
        return None
    with grpc.insecure_channel(endpoint) as channel:
        stub = beam_job_api_pb2_grpc.JobServiceStub(channel)
        event = stub.GetState(beam_job_api_pb2.GetJobStateRequest(job_id=job_id), timeout=_ASK_SECONDS)
    name: str = beam_job_api_pb2.JobState.Enum.Name(event.state)
    return name
