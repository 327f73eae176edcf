"""`albert-embed publish`."""

from __future__ import annotations

from albert_embed.pipeline.console.command import JSON, Arguments, Command
from albert_embed.pipeline.console.interruption import say_if_interrupted
from albert_embed.pipeline.console.option import Option, Place
from albert_embed.pipeline.console.output import CommandResult

OPTIONS = (
    Option(
        flag="DIR", place=Place.WRITTEN, field="directory", required=True, help="the output of a run that has ended"
    ),
    JSON,
)


def run_publish(arguments: Arguments) -> CommandResult:
    """Completes what a run has begun to publish, and says what that was."""
    from apache_beam.options.pipeline_options import PipelineOptions

    from albert_embed.pipeline.publication.complete_run import complete_runs

    directory = arguments.values["directory"]
    say_if_interrupted(lambda: "the same command again does what is left, and says which version is published")
    completion = complete_runs(directory, PipelineOptions(list(arguments.beam)))
    done = completion.completed is not None
    record = {
        "status": "published" if done else "unchanged",
        "exit_status": 0,
        "output": directory,
        "version": completion.version,
        "run": completion.completed,
    }
    text = (
        f"version {completion.version} of {directory} is published, by the run {completion.completed}"
        if done
        else f"there is nothing to complete in {directory}; its latest version is {completion.version or 'none'}"
    )
    return CommandResult(record=record, blocks=(text,))


PUBLISH = Command(
    name="publish",
    description="Complete a run whose job ended while it published; harmless otherwise. Takes its runner's options.",
    options=OPTIONS,
    run=run_publish,
    takes_beam_options=True,
)
