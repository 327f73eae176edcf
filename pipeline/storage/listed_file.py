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
      manifests: folders in which a `manifest.json` was seen.
    """

    root: str
    files: list[ListedFile] = dataclasses.field(default_factory=list)
    hidden: int = 0
    manifests: set[str] = dataclasses.field(default_factory=set)


MANIFEST = "manifest.json"
