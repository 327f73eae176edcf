"""Chooses the format of a run's files, once, before anything is read or written."""

from __future__ import annotations

from collections.abc import Sequence

from albert_embed.pipeline.sources.registry import DEFAULT, SOURCES, find_by_name
from albert_embed.pipeline.sources.source import Source
from albert_embed.pipeline.storage.input_files import InputFile
from albert_embed.pipeline.storage.open_input import strip_compression_ending


def choose_source(files: Sequence[InputFile], given: str | None) -> Source:
    """Chooses the format given, else the one that the files' names suggest, else text.

    Raises:
      ValueError: if the names suggest different formats.
    """
    if given is not None:
        return SOURCES[given]
    examples: dict[str, str] = {}
    for file in files:
        source = find_by_name(strip_compression_ending(file.path)) or DEFAULT
        examples.setdefault(source.name, file.path)
    if len(examples) > 1:
        found = ", ".join(f"{path} ({name})" for name, path in sorted(examples.items()))
        raise ValueError(
            f"--input names files of several formats: {found}; give --format if all have the same, or embed each "
            "format in a run of its own"
        )
    return SOURCES[next(iter(examples))]
