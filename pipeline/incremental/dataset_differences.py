"""What an output that runs add to was made with, and what this run would do otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.manifest import Manifest


class DatasetMismatchError(ValueError):
    """The rows that a run would add do not go with those that are there."""


# Options of the run that shape rows, or say which document is which; those of preprocessing are the transform's.
_OPTIONS = {"sinks": "--sink", "tokens": "--tokens", "keep_fields": "--keep-fields", "id_field": "--id-field"}


def describe_dataset(
    *,
    model: Mapping[str, Any],
    transform: Mapping[str, Any],
    embeddings: Sequence[str],
    encoding: str,
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """All that must be the same of every row of an output, by name. The arguments are as in `Manifest`."""
    return {
        "model fingerprint": model.get("fingerprint"),
        **{f"transform option {name}": value for name, value in transform.get("options", {}).items()},
        "transform fingerprint (library versions)": transform.get("fingerprint"),
        "embeddings": ",".join(embeddings),
        "encoding": encoding,
        **{flag: _to_plain(options.get(name)) for name, flag in _OPTIONS.items()},
    }


def check_same_dataset(previous: Manifest, wanted: Mapping[str, Any], directory: str) -> None:
    """Checks that a run can add to an output.

    Args:
      previous: what is there.
      wanted: what the run would write, as `describe_dataset` has it.
      directory: the output, for the message.

    Raises:
      DatasetMismatchError: naming every difference with both values; or where the output has no index of its rows.
    """
    found = describe_dataset(
        model=previous.model,
        transform=previous.transform,
        embeddings=previous.embeddings,
        encoding=previous.encoding,
        options=previous.options,
    )
    differences = [
        f"{name} is {found.get(name)!r} there and {wanted.get(name)!r} here"
        for name in [*found, *(name for name in wanted if name not in found)]
        if found.get(name) != wanted.get(name)
    ]
    if differences:
        raise DatasetMismatchError(
            f"{directory} was made with something else: {'; '.join(differences)}. Everything would have to be embedded "
            "again: give --rebuild, or the options, model and libraries that it was made with (a transform graph that "
            "was kept, by --transform)"
        )


def _to_plain(value: Any) -> Any:
    """As JSON gives it back; lists as one text, so that a message can show them."""
    return ",".join(value) if isinstance(value, (list, tuple)) else value
