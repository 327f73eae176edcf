"""The fingerprint of a run: two runs with the same fingerprint write the same rows."""

from __future__ import annotations

import json
from typing import Any

from albert_embed.model.engines import choose_engine
from albert_embed.model.model_directory import ModelDirectory
from albert_embed.pipeline.dataset.provenance import list_versions
from albert_embed.pipeline.settings.embed_options import DOCUMENT, EmbedOptions
from albert_embed.transforms.transform_graph import Description, transform_fingerprint

# Options that do not shape rows, or are in the fingerprint under another name. All others shape rows.
_LEFT_OUT = frozenset(
    (
        "input",
        "output",
        "overwrite",
        "max_failures",
        "batch_tokens",
        "transform",
        "model",
        "vector_index",
        "shard_seconds",
        "shard_bytes",
    )
)


def fingerprint_run(
    options: EmbedOptions, input_fingerprint: str | None, model: ModelDirectory, description: Description
) -> dict[str, Any] | None:
    """Returns name → value of everything that shapes the rows of a run; None where its input can't be compared.

    The input is the same where its files have the same names, sizes and times. Then a finished row is met again, and
    nothing that was deleted is published.

    Args:
      options: of the run, with the format of its input. With document vectors there is no fingerprint, because they
        need every row anew.
      input_fingerprint: of its input; None where that can't be compared.
      model: its model.
      description: of its transform graph.
    """
    if input_fingerprint is None or DOCUMENT in options.embeddings:
        return None
    given = {name: value for name, value in options.to_dict().items() if name not in _LEFT_OUT}
    fingerprint = {
        **given,
        "engine": choose_engine(options.engine),
        "model": model.fingerprint,
        "transform": transform_fingerprint(description),
        "input": input_fingerprint,
        "versions": list_versions(),
    }
    plain: dict[str, Any] = json.loads(json.dumps(fingerprint))  # as it comes back from a file
    return plain
