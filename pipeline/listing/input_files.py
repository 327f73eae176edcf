"""`list_input`: the files that the patterns of `--input` name: all of them, or an error."""

from __future__ import annotations

import dataclasses
import os
import posixpath
from collections import Counter
from collections.abc import Sequence
from typing import Any

from albert_embed.pipeline.listing.list_local import list_local
from albert_embed.pipeline.listing.list_remote import find_remote_table, list_remote
from albert_embed.pipeline.listing.listed_file import FoundFiles
from albert_embed.pipeline.listing.table_folders import refuse_tables
from albert_embed.pipeline.storage.file_version import FileVersion
from albert_embed.transforms.files.directories import is_remote


@dataclasses.dataclass(frozen=True, kw_only=True, order=True)
class InputFile:
    """One file that `--input` names.

    Attributes:
      path: where it is.
      bytes: its size.
      modified: when it was last written, seconds since 1970; 0 where the file system does not say.
      name: its path relative to what all patterns have in common, so that it is the same on another mount.
      repeat: how often the patterns have named the file before; it is read each time.
      version: which one it was when it was listed.
    """

    path: str
    bytes: int
    modified: float
    name: str
    repeat: int = 0
    version: FileVersion = dataclasses.field(default=FileVersion(), compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON, the same on each machine that has the file."""
        return {name: value for name, value in vars(self).items() if name != "version"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class InputListing:
    """What the patterns name.

    Attributes:
      files: in the order of their paths.
      hidden: how many files were left out because a name starts with "." or "_".
      hidden_folders: how many folders were not looked into for the same reason.
      linked_again: how many of the files are there under another name, too, because of links.
      manifests: folders in which one of `MARKERS` was seen: they may be outputs of this program.
    """

    files: tuple[InputFile, ...]
    hidden: int
    hidden_folders: int
    linked_again: int
    manifests: tuple[str, ...]


def list_input(
    patterns: Sequence[str], *, include_hidden: bool = False, leave_out: str | None = None, option: str = "--input"
) -> InputListing:
    """Lists all files that the patterns name.

    A pattern is a path, a glob (`GlobPattern`), or a folder: then all files below it. What exists under exactly this
    name is that, whatever characters it has.

    Args:
      patterns: local paths are absolute (`paths.expand_path`).
      include_hidden: whether names that start with "." or "_" are taken, too.
      leave_out: a folder that is not looked into: the output.
      option: that names the patterns, for messages.

    Raises:
      FileNotFoundError: if a pattern names none, or a link that it names leads nowhere.
      OSError: if a folder can't be listed, so that files might be missing.
      ValueError: if what it names is no file with a size, such as a pipe, or is one of a table (`table_folders`).
    """
    found = [
        (list_remote if is_remote(pattern) else list_local)(
            pattern, include_hidden=include_hidden, leave_out=leave_out, option=option
        )
        for pattern in patterns
    ]
    for pattern, one in zip(patterns, found, strict=True):
        if not one.files:
            if leave_out is not None and os.path.realpath(one.root) == os.path.realpath(leave_out):
                raise ValueError(
                    f"{option} {pattern} is the output's own folder, which is not read; give another --output"
                )
            hidden = one.hidden + one.hidden_folders
            hint = (
                f"; {hidden:,} whose names start with . or _ were left out, --include-hidden takes them"
                if hidden
                else "; give a path, a folder or a glob that does"
            )
            raise FileNotFoundError(f"{option} {pattern} matches no files{hint}")
    refuse_tables(found, find_remote_table, option)
    root = _find_common_root(found)
    seen: Counter[str] = Counter()
    files = []
    for one in found:
        for file in one.files:
            name = file.path.removeprefix(root)
            files.append(InputFile(**vars(file), name=name, repeat=seen[file.path]))
            seen[file.path] += 1
    return InputListing(
        files=tuple(sorted(files)),
        hidden=sum(one.hidden for one in found),
        hidden_folders=sum(one.hidden_folders for one in found),
        linked_again=sum(one.linked_again for one in found),
        manifests=tuple(sorted({folder for one in found for folder in one.manifests})),
    )


def _find_common_root(found: Sequence[FoundFiles]) -> str:
    """Returns the folder that all fixed parts of the patterns have in common, with a "/" at its end; "" if none."""
    roots = [one.root for one in found]
    if len({root.split("://")[0] if is_remote(root) else "" for root in roots}) > 1:
        return ""
    common = posixpath.commonpath([root.replace("://", "/", 1) if is_remote(root) else root for root in roots])
    if is_remote(roots[0]):
        scheme, _, rest = common.partition("/")
        common = f"{scheme}://{rest}"
    return common.rstrip("/") + "/" if common.strip(os.sep) else common
