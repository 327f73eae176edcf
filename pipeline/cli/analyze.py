"""`albert-embed analyze`."""

from __future__ import annotations

import dataclasses

from albert_embed.pipeline.cli import embed
from albert_embed.pipeline.cli.embed_flags import OPTIONS as EMBED_OPTIONS
from albert_embed.pipeline.console.command import JSON, Arguments, Command
from albert_embed.pipeline.console.option import Kind, Option, Place
from albert_embed.pipeline.console.output import CommandResult
from albert_embed.pipeline.console.result_file import RESULT_FILE
from albert_embed.pipeline.progress.option import PROGRESS, choose_display
from albert_embed.pipeline.settings.analyze_options import AnalyzeOptions

# The options of `embed` that say how the corpus is read and becomes rows, and, for --plan, what is made of the rows.
# They mean the same here.
_SHARED_WITH_EMBED = frozenset(
    (
        "--model",
        "--input",
        "--output",
        "--format",
        "--csv-max-lines",
        "--include-hidden",
        "--text-field",
        "--id-field",
        "--pair-field",
        "--max-tokens",
        "--long-documents",
        "--window-overlap",
        "--embeddings",
        "--encoding",
        "--failure-text",
        "--dimensions",
        "--tokens",
        "--batch-tokens",
        "--engine",
        "--worker-threads",
        "--streams",
        "--shared-filesystem",
        "--overwrite",
    )
)
OPTIONS = (
    *(option for option in EMBED_OPTIONS if option.flag in _SHARED_WITH_EMBED),
    Option(
        flag="--cache",
        place=Place.WRITTEN,
        group="analysis",
        metavar="DIR",
        default="cache in the output",
        help="where to keep what is known of the files that have been analysed",
    ),
    Option(
        flag="--plan",
        group="analysis",
        kind=Kind.SWITCH,
        help="estimate what embed will take, from a short run of the model",
    ),
    Option(
        flag="--rates",
        place=Place.READ,
        group="analysis",
        metavar="FILE",
        default="the package's own",
        help="rates and prices of accelerators for the plan",
    ),
    JSON,
    PROGRESS,
    RESULT_FILE,
)


def run_analyze_command(arguments: Arguments) -> CommandResult:
    """Analyses the corpus, and says what was found."""
    options = AnalyzeOptions(embed=embed.make_embed_options(arguments), **arguments.choose(AnalyzeOptions))

    from apache_beam.options.pipeline_options import PipelineOptions

    from albert_embed.pipeline.analysis.analysis_summary import make_analysis_summary
    from albert_embed.pipeline.analysis.analyze import run_analyze
    from albert_embed.pipeline.launch.prepare_launch import prepare_launch

    beam_options = PipelineOptions(list(arguments.beam))
    options = dataclasses.replace(options, embed=prepare_launch(options.embed, beam_options))
    report = run_analyze(options, beam_options, choose_display(arguments))
    directory = options.embed.output
    return CommandResult(
        record={"status": "published", "exit_status": 0, "output": directory, **report.to_dict()},
        blocks=make_analysis_summary(report, directory),
    )


ANALYZE = Command(
    name="analyze",
    description="Analyse a corpus before it is embedded: what it holds, a transform graph for embed, and a plan. Takes "
    "the options of embed that say what is read and what is made of it, and every option of Apache Beam as well.",
    options=OPTIONS,
    run=run_analyze_command,
    takes_beam_options=True,
    shares_config_with="embed",
)
