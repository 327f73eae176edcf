"""Opens files as the bytes that they are, on any file system that Apache Beam knows, whatever their names end in."""

from __future__ import annotations

from typing import Any

# By a name such as `a.gz`, Beam would decompress what is read and compress what is written.
_AS_IT_IS = "uncompressed"


def open_bytes(path: str) -> Any:
    """Opens a file for reading; each file system raises its own errors."""
    from apache_beam.io.filesystems import FileSystems  # here: importing Beam takes seconds

    return FileSystems.open(path, compression_type=_AS_IT_IS)


def create_bytes(path: str) -> Any:
    """Opens a file for writing, in place of any that is there; each file system raises its own errors."""
    from apache_beam.io.filesystems import FileSystems

    return FileSystems.create(path, compression_type=_AS_IT_IS)
