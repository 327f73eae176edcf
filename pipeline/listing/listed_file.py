"""What one pattern of `--input` names."""

from __future__ import annotations

import dataclasses

from albert_embed.pipeline.storage.file_version import FileVersion


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListedFile:
    """A file.

    Attributes:
      path: where it is.
      bytes: its size.
      modified: when it was last written, seconds since 1970; 0 where the file system does not say.
      version: which one it is.
    """

    path: str
    bytes: int
    modified: float
    version: FileVersion = dataclasses.field(default=FileVersion())


@dataclasses.dataclass(kw_only=True)
class FoundFiles:
    """The files that a pattern names, filled while they are listed.

    Attributes:
      root: the fixed part of the pattern: the folder that was looked into, or that of a file.
      files: in any order.
      hidden: how many files were left out because a name starts with "." or "_".
      hidden_folders: how many folders were not looked into for the same reason.
      linked_again: how many of the files are there under another name, too, because of links.
      manifests: folders in which one of `MARKERS` was seen.
      tables: folders that were seen to be tables (`table_folders`), with the formats of these.
    """

    root: str
    files: list[ListedFile] = dataclasses.field(default_factory=list)
    hidden: int = 0
    hidden_folders: int = 0
    linked_again: int = 0
    manifests: set[str] = dataclasses.field(default_factory=set)
    tables: dict[str, str] = dataclasses.field(default_factory=dict)


# What finished outputs of this program have: embeddings, and analyses.
MARKERS = ("manifest.json", "transform.json")
