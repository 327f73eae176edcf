"""Finds how a run would differ from the output that it is to add to."""

from __future__ import annotations

from typing import Any

from albert_embed.pipeline.dataset.provenance import Provenance
from albert_embed.pipeline.settings.embed_choices import DOCUMENT


class DatasetMismatchError(ValueError):
    """The rows that a run would add are made differently from those that are there."""


# Options of the run that shape rows, or say which document is which; those of preprocessing are the transform's.
_OPTIONS = {"sinks": "--sink", "tokens": "--tokens", "keep_fields": "--keep-fields", "id_field": "--id-field"}
# What a document is, and so what its id is made from: records have the same ids in every format.
_DOCUMENTS = {"text": "lines", "files": "files"}


def check_same_dataset(previous: Provenance, wanted: Provenance, directory: str) -> None:
    """Checks that a run can add to an output.

    Args:
      previous: of the rows that are there.
      wanted: of the rows that the run would add.
      directory: the output, for the message.

    Raises:
      DatasetMismatchError: naming every difference with both values.
    """
    there, here = _describe(previous), _describe(wanted)
    differences = [
        f"{name}: {there.get(name)!r} there, {here.get(name)!r} here"
        for name in [*there, *(name for name in here if name not in there)]
        if there.get(name) != here.get(name)
    ]
    if differences:
        raise DatasetMismatchError(
            f"{directory} was made with something else: {'; '.join(differences)}. Everything would have to be embedded "
            "again: give --rebuild, or the options, model and libraries that it was made with (a transform graph that "
            "was kept, by --transform)"
        )


def _describe(provenance: Provenance) -> dict[str, Any]:
    """Returns everything that must be the same for all rows of an output, by name."""
    options = provenance.options
    return {
        "model fingerprint": provenance.model.fingerprint,
        **{f"transform option {name}": value for name, value in provenance.transform.options.items()},
        "transform fingerprint (library versions)": provenance.transform.fingerprint,
        "embeddings": _to_plain(provenance.embeddings),
        "document vectors": DOCUMENT in options.get("embeddings", ()),
        "encoding": provenance.encoding,
        "dimensions": provenance.dimensions,
        "normalized": provenance.normalized,
        "documents": _DOCUMENTS.get(options.get("format", ""), "records"),
        **{flag: _to_plain(options.get(name)) for name, flag in _OPTIONS.items()},
    }


def _to_plain(value: Any) -> Any:
    """Converts a value to what JSON gives back; lists to one text, so that a message can show them."""
    return ",".join(value) if isinstance(value, (list, tuple)) else value
