"""What an output that runs add to was made with, and what this run would do otherwise."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.settings.embed_options import DOCUMENT


class DatasetMismatchError(ValueError):
    """The rows that a run would add do not go with those that are there."""


# Options of the run that shape rows, or say which document is which; those of preprocessing are the transform's.
_OPTIONS = {"sinks": "--sink", "tokens": "--tokens", "keep_fields": "--keep-fields", "id_field": "--id-field"}
# What is a document, and so what its id is made of: records have the same ids in every format.
_DOCUMENTS = {"text": "lines", "files": "files"}


def check_same_dataset(previous: Manifest, made_with: Mapping[str, Any], directory: str) -> None:
    """Checks that a run can add to an output.

    Args:
      previous: what is there.
      made_with: `model`, `transform`, `embeddings`, `encoding` and `options` of the run, as a manifest has them.
      directory: the output, for the message.

    Raises:
      DatasetMismatchError: naming every difference with both values.
    """
    found, wanted = _describe(dataclasses.asdict(previous)), _describe(made_with)
    differences = [
        f"{name}: {found.get(name)!r} there, {wanted.get(name)!r} here"
        for name in [*found, *(name for name in wanted if name not in found)]
        if found.get(name) != wanted.get(name)
    ]
    if differences:
        raise DatasetMismatchError(
            f"{directory} was made with something else: {'; '.join(differences)}. Everything would have to be embedded "
            "again: give --rebuild, or the options, model and libraries that it was made with (a transform graph that "
            "was kept, by --transform)"
        )


def _describe(made_with: Mapping[str, Any]) -> dict[str, Any]:
    """All that must be the same of every row of an output, by name."""
    return {
        "model fingerprint": made_with["model"].get("fingerprint"),
        **{f"transform option {name}": value for name, value in made_with["transform"].get("options", {}).items()},
        "transform fingerprint (library versions)": made_with["transform"].get("fingerprint"),
        "embeddings": _to_plain(made_with["embeddings"]),
        "document vectors": DOCUMENT in made_with["options"].get("embeddings", ()),
        "encoding": made_with["encoding"],
        "documents": _DOCUMENTS.get(made_with["options"].get("format"), "records"),
        **{flag: _to_plain(made_with["options"].get(name)) for name, flag in _OPTIONS.items()},
    }


def _to_plain(value: Any) -> Any:
    """As JSON gives it back; lists as one text, so that a message can show them."""
    return ",".join(value) if isinstance(value, (list, tuple)) else value
