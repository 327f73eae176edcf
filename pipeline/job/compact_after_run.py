"""`compact_after_run`: compacts the output of a run where more of it is dead than `--compact-above` allows."""

from __future__ import annotations

import dataclasses
import logging
import shlex

from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.pipeline.commit.compact import compact_output
from albert_embed.pipeline.console.interruption import say_if_interrupted
from albert_embed.pipeline.dataset.versions import find_latest_number
from albert_embed.pipeline.job.embed_outcome import EmbedOutcome
from albert_embed.pipeline.job.interrupted_run import describe_interrupted_compaction
from albert_embed.pipeline.publication.run_errors import RunFailedError
from albert_embed.pipeline.settings.embed_options import EmbedOptions

logger = logging.getLogger(__name__)


def compact_after_run(outcome: EmbedOutcome, options: EmbedOptions, beam_options: PipelineOptions) -> EmbedOutcome:
    """Returns the outcome, with whether the output was compacted. It is a version more, which `retain` counts, too.

    Args:
      outcome: of the run, which has ended.
      options: of the run, with its full output path.
      beam_options: of the run.

    Raises:
      RunFailedError: if the output can't be compacted; what the run has published stays.
    """
    above = options.compact_above
    if above is None or outcome.manifest.dead_share <= above / 100:
        return outcome
    before = find_latest_number(options.output)
    say_if_interrupted(lambda: describe_interrupted_compaction(options.output, before))
    try:
        compacted = compact_output(options.output, retain=options.retain, beam_options=beam_options).manifest
    except (ValueError, OSError, RuntimeError) as e:
        raise RunFailedError(
            f"{options.output} has the rows of this run, but could not be compacted: {e}. Once the cause is gone, run "
            f"`albert-embed compact {shlex.quote(options.output)}`"
        ) from e
    logger.info("%s is compacted: %d rows in one generation", options.output, compacted.counts.rows)
    return dataclasses.replace(outcome, compacted=True)
