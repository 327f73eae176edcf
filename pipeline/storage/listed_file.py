"""What one pattern of `--input` names."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListedFile:
    """A file.

    Attributes:
      path: where it is.
      bytes: its size.
      modified: when it was last written, seconds since 1970; 0 where the file system does not say.
    """

    path: str
    bytes: int
    modified: float


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
    """

    root: str
    files: list[ListedFile] = dataclasses.field(default_factory=list)
    hidden: int = 0
    hidden_folders: int = 0
    linked_again: int = 0
    manifests: set[str] = dataclasses.field(default_factory=set)


# What finished outputs of this program have: embeddings, and analyses.
MARKERS = ("manifest.json", "transform.json")
