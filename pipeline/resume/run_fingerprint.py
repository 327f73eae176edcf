"""The fingerprint of a run: two runs with the same fingerprint write the same rows."""

from __future__ import annotations

import json
from typing import Any

from albert_embed.model.directory.model_directory import ModelDirectory
from albert_embed.pipeline.dataset.provenance import list_library_versions
from albert_embed.pipeline.settings.embed_choices import DOCUMENT
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.transforms.graph.transform_graph import Description, transform_fingerprint

# Options that shape no row, each with the reason. Any other option is part of the fingerprint.
NEUTRAL = {
    "output": "where rows are written, not which",
    "overwrite": "what becomes of the output before",
    "accept_dimensions": "whether vectors are cut, not to what",
    "failure_text": "what failures hold, not rows",
    "model_sha256": "whether the model may be used; its own fingerprint counts",
    "max_failures": "whether rows are published, not which",
    "max_deletions": "whether rows are published, not which",
    "compact_above": "done after the rows are there",
    "batch_tokens": "rows are the same however they are batched",
    "gpu": "where the model runs; `engine` says with what",
    "gpu_pool": "where the model runs",
    "worker_threads": "how fast rows are made, not which",
    "streams": "how fast rows are made, not which",
    "shared_filesystem": "whether workers see local paths, not what lies there",
    "vector_index": "made after the rows are there",
    "index": "made after the rows are there",
    "retain": "what becomes of earlier versions",
    "no_wait": "who waits for the rows",
    "shard_seconds": "how rows are divided among shards",
    "shard_bytes": "how rows are divided among shards",
}
# Options that stand in the fingerprint as what they lead to: the same may be written in two ways.
_RESOLVED = frozenset(("input", "engine", "model", "transform"))


def fingerprint_run(
    options: EmbedOptions, input_fingerprint: str | None, model: ModelDirectory, engine: str, description: Description
) -> dict[str, Any] | None:
    """Returns name → value of everything that shapes the rows of a run; None where its input can't be compared.

    The input is the same where its files have the same names, sizes and times. Then a finished row is met again, and
    nothing that was deleted is published.

    Args:
      options: of the run, with the format of its input. With document vectors there is no fingerprint, because they
        need every row anew.
      input_fingerprint: of its input; None where that can't be compared.
      model: its model.
      engine: what executes it; never `auto`.
      description: of its transform graph.
    """
    if input_fingerprint is None or DOCUMENT in options.embeddings:
        return None
    given = {name: value for name, value in options.to_dict().items() if name not in NEUTRAL and name not in _RESOLVED}
    fingerprint = {
        **given,
        "engine": engine,
        "model": model.fingerprint,
        "transform": transform_fingerprint(description),
        "input": input_fingerprint,
        "versions": list_library_versions(),
    }
    plain: dict[str, Any] = json.loads(json.dumps(fingerprint))  # as it comes back from a file
    return plain
