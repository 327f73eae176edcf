"""`FileVersion`: what tells a file from another one that has come under its name, without reading it."""

from __future__ import annotations

import dataclasses
import os


@dataclasses.dataclass(frozen=True, kw_only=True)
class FileVersion:
    """What a file system says of a file at one moment; one that says nothing gives the defaults.

    Attributes:
      tag: what an object store gives each content: the generation of Google Cloud Storage, the ETag of S3.
      bytes: size of a local file.
      modified: when its content was last written, in nanoseconds.
      changed: when anything of it was last changed, its name included.
      inode: its number.
    """

    tag: str = ""
    bytes: int = 0
    modified: int = 0
    changed: int = 0
    inode: int = 0

    @staticmethod
    def of_status(status: os.stat_result) -> FileVersion:
        """Returns the version of a local file."""
        return FileVersion(
            bytes=status.st_size, modified=status.st_mtime_ns, changed=status.st_ctime_ns, inode=status.st_ino
        )

    def is_replaced_by(self, found: FileVersion) -> bool:
        """Returns whether the file was written anew, or another one has its name.

        One that has grown in place is the same, and so is one whose rights have changed. Inodes alone don't tell:
        network file systems number a file anew on each machine, and again when they have forgotten it.

        Args:
          found: what the file system says of it later.
        """
        if self.tag or found.tag:
            return bool(self.tag and found.tag) and self.tag != found.tag
        if not (self.inode and found.inode) or (self.inode == found.inode and found.bytes > self.bytes):
            return False
        is_another = self.inode != found.inode and self.changed != found.changed
        return is_another or self.modified != found.modified
