"""Chooses the format of a run's files, once, before anything is read or written."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from albert_embed.pipeline.inputs.check_content import read_start
from albert_embed.pipeline.inputs.look_into_files import MAX_FILES, look_into_files
from albert_embed.pipeline.listing.input_files import InputFile
from albert_embed.pipeline.sources.json_documents import JsonDocuments
from albert_embed.pipeline.sources.json_lines import JsonLines
from albert_embed.pipeline.sources.registry import DEFAULT, SOURCES, find_by_name, guess_by_content
from albert_embed.pipeline.sources.source import Source
from albert_embed.pipeline.storage.open_input import strip_compression_ending
from albert_embed.pipeline.storage.paths import show_path


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChosenSource:
    """The format of a run's files.

    Attributes:
      source: the format.
      is_sampled: whether it was told by some files of many, so that each other one is yet to be looked into.
    """

    source: Source
    is_sampled: bool = False


def choose_source(files: Sequence[InputFile], given: str | None) -> ChosenSource:
    """Chooses the format given, else the one that the files' names tell.

    Files whose names tell none are looked into, `MAX_FILES` of them if there are more. Then the workers look
    into the others (`check_content.describe_guess`).

    Raises:
      OSError: if one that is looked into can't be read.
      ValueError: if names or contents are of different formats.
    """
    if given is not None:
        return ChosenSource(source=SOURCES[given])
    examples: dict[str, str] = {}
    unnamed: list[str] = []
    for file in files:
        source = find_by_name(strip_compression_ending(file.path))
        if source is None:
            unnamed.append(file.path)
        else:
            examples.setdefault(source.name, file.path)
    guessed: dict[str, str] = {}
    for path, source in _guess_by_contents(unnamed):
        guessed.setdefault(source.name, path)
    if JsonDocuments.name in guessed:  # which reads objects one after the other, too, such as one on one line
        guessed.pop(JsonLines.name, None)
    examples = {**guessed, **examples}
    if len(examples) > 1:
        found = ", ".join(f"{show_path(path)} ({name})" for name, path in sorted(examples.items()))
        raise ValueError(
            f"--input names files of several formats: {found}; give --format if all have the same, or embed each "
            "format in a run of its own"
        )
    return ChosenSource(source=SOURCES[next(iter(examples), DEFAULT.name)], is_sampled=len(unnamed) > MAX_FILES)


def _guess_by_contents(paths: Sequence[str]) -> Iterator[tuple[str, Source]]:
    """Yields paths with the formats of their contents. An empty file may have any, and is left out."""
    for path, start in look_into_files(paths, read_start):
        source = guess_by_content(strip_compression_ending(path), start)
        if start or source is not DEFAULT:
            yield path, source
