"""Unpacks the `.tar.gz` archives in which models are published."""

from __future__ import annotations

import tarfile
import zlib
from pathlib import Path


class ArchiveError(ValueError):
    """An archive is broken, or holds something that would be unpacked outside its folder."""


def is_archive(path: Path) -> bool:
    """Returns whether `path` has a tar archive's name, or starts as a gzip file does (a download may have any name)."""
    if path.name.endswith((".tar.gz", ".tgz", ".tar")):
        return True
    with path.open("rb") as content:
        return content.read(2) == b"\x1f\x8b"


def unpack_archive(path: Path, target: Path) -> Path:
    """Unpacks `path` into `target` and returns the folder that holds the model.

    Releases hold their files in one folder (`albert_base/…`), Hub modules at the root. Where the root holds only one
    folder, that folder is returned.

    Raises:
      ArchiveError: if a member's path, or what a link points to, lies outside `target`, where a member is a device
        or the like, or where the archive can't be read.
    """
    if not hasattr(tarfile, "data_filter"):
        raise ArchiveError(
            f"{path} can't be unpacked safely by this Python: PEP 706 came with 3.11.4 and 3.12; "
            "use a newer one, or unpack the archive and give the folder"
        )
    try:
        with tarfile.open(path) as archive:
            # The standard library's filter for untrusted archives (PEP 706): it refuses absolute paths, paths and
            # links that lead outside, and special files.
            archive.extractall(target, filter="data")
            # To the very end, where gzip's checksum of the whole is; tarfile stops at the last member.
            while archive.fileobj is not None and archive.fileobj.read(1 << 20):
                pass
    except tarfile.FilterError as e:
        raise ArchiveError(f"{path} is refused: {e}") from e
    except (tarfile.TarError, zlib.error, OSError, EOFError) as e:
        reason = " ".join(str(e).split())  # tarfile writes a line for each kind of compression
        raise ArchiveError(
            f"{path} can't be unpacked: {reason}. It has {path.stat().st_size:,} bytes; was it downloaded whole?"
        ) from e
    entries = [entry for entry in target.iterdir() if not entry.name.startswith(".")]
    if len(entries) == 1 and entries[0].is_dir():
        return entries[0]
    return target
