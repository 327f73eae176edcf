"""Local files that a pattern names.

Beam's own listing skips folders that can't be read, and links that lead nowhere.
"""

from __future__ import annotations

import errno
import os
import stat

from albert_embed.pipeline.listing.glob_pattern import ANY_DEPTH, GlobPattern
from albert_embed.pipeline.listing.listed_file import MARKERS, FoundFiles, ListedFile
from albert_embed.pipeline.listing.table_folders import find_local_table
from albert_embed.pipeline.storage.file_version import FileVersion
from albert_embed.pipeline.storage.paths import show_path


def list_local(pattern: str, *, include_hidden: bool, leave_out: str | None, option: str) -> FoundFiles:
    """Lists the files; see `input_files.list_input`."""
    root, parts = split_pattern(pattern)
    if not parts and not os.path.isdir(root):
        found = FoundFiles(root=os.path.dirname(root))
        found.files.append(_describe(root, option))
        return found
    found = FoundFiles(root=root)
    if os.path.isdir(root):
        left_out = None if leave_out is None else os.path.realpath(leave_out)
        wanted = GlobPattern(parts=parts or (ANY_DEPTH,))
        walk = _Walk(wanted, found, include_hidden=include_hidden, left_out=left_out, option=option)
        walk.enter(root, "", ())
        if walk.has_links:
            found.linked_again = len(found.files) - len({os.path.realpath(file.path) for file in found.files})
    return found


def split_pattern(pattern: str) -> tuple[str, tuple[str, ...]]:
    """Splits a pattern into the longest part that exists under exactly this name, and the parts of the rest."""
    root = os.sep
    names = [name for name in pattern.split(os.sep) if name]
    for number, name in enumerate(names):
        below = os.path.join(root, name)
        if not os.path.lexists(below):
            below_all = (ANY_DEPTH,) if pattern.endswith(os.sep) else ()
            return root, (*names[number:], *below_all)
        root = below
    return root, ()


def _describe(path: str, option: str) -> ListedFile:
    try:
        status = os.stat(path)
    except OSError as e:
        if e.errno not in (errno.ENOENT, errno.ELOOP):
            raise
        raise FileNotFoundError(
            f"{option} names {show_path(path)}, a link to what is not there: a part of the input would be missing. "
            "Mend or remove the link, or give a pattern that leaves it out"
        ) from e
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(
            f"{option} names {show_path(path)}, which is not a regular file: it can't be read in parts, or "
            "twice. Copy its content to a file"
        )
    version = FileVersion.of_status(status)
    return ListedFile(path=path, bytes=status.st_size, modified=status.st_mtime, version=version)


def _is_folder(entry: os.DirEntry[str], option: str) -> bool:
    """Returns whether an entry is a folder, or a link to one.

    Raises:
      OSError: if that can't be found out.
    """
    try:
        return entry.is_dir()
    except OSError as e:
        if e.errno == errno.ELOOP:
            return False  # a link that leads to itself, and so nowhere
        raise type(e)(
            f"{option}: {show_path(entry.path)} can't be looked at ({e.strerror}): a part of the input may be missing. "
            "Make it readable, or give a pattern that leaves it out"
        ) from e


def _leads_nowhere(entry: os.DirEntry[str]) -> bool:
    """Returns whether an entry is a link to what is not there, which may have been a folder."""
    return entry.is_symlink() and not os.path.exists(entry.path)


class _Walk:
    """One walk through a folder and all below it.

    Args:
      pattern: of the files that are wanted.
      found: where they are added.
      include_hidden: whether names that start with "." or "_" are taken, too.
      left_out: the real path of a folder that is not entered.
      option: that names the pattern, for messages.

    Attributes:
      has_links: whether there are links in the folders that were listed.
    """

    def __init__(
        self, pattern: GlobPattern, found: FoundFiles, *, include_hidden: bool, left_out: str | None, option: str
    ) -> None:
        self._pattern = pattern
        self._found = found
        self._include_hidden = include_hidden
        self._left_out = left_out
        self._option = option
        self.has_links = False

    def enter(self, folder: str, relative: str, above: tuple[str, ...]) -> None:
        """Lists one folder.

        Args:
          folder: which.
          relative: its path below the root, with a "/" at its end unless it is the root.
          above: the real paths of the folders that it lies in, so that links do not lead round in circles.
        """
        real = os.path.realpath(folder)
        if real == self._left_out or real in above:
            return
        try:
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as e:
            raise type(e)(
                f"{self._option}: {show_path(folder)} can't be listed ({e.strerror}): a part of the input would be "
                "missing. Make it readable, or give a pattern that leaves it out"
            ) from e
        table = find_local_table(folder)
        if table is not None:
            self._found.tables[folder] = table
        for entry in listed:
            path = relative + entry.name
            self.has_links = self.has_links or entry.is_symlink()
            if entry.name in MARKERS:
                self._found.manifests.add(folder)
            if _is_folder(entry, self._option):
                if self._pattern.may_match_below(path):
                    if self._is_visible(path):
                        self.enter(entry.path, f"{path}/", (*above, real))
                    else:
                        self._found.hidden_folders += 1
            elif self._pattern.matches(path) or (_leads_nowhere(entry) and self._pattern.may_match_below(path)):
                if self._is_visible(path):
                    self._found.files.append(_describe(entry.path, self._option))
                else:
                    self._found.hidden += 1

    def _is_visible(self, path: str) -> bool:
        return self._include_hidden or not self._pattern.hides(path)
