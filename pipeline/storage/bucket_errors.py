"""What the refusals of an object store mean, when it is listed and while one of its files is read."""

from __future__ import annotations

import contextlib
import errno
import io
from collections.abc import Iterator
from typing import Any

from apache_beam.io.filesystem import BeamIOError
from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import GoogleAuthError

from albert_embed.transforms.files.open_bytes import open_bytes


@contextlib.contextmanager
def explain_bucket_errors(pattern: str) -> Iterator[None]:
    """Turns what a bucket refuses in the `with` block into an error that says what to do.

    Args:
      pattern: what is listed there, for the message.

    Raises:
      OSError: if the store refuses, or is asked without credentials; the cause is kept.
    """
    try:
        yield
    except (BeamIOError, GoogleAPICallError, GoogleAuthError) as e:
        raise OSError(
            f"--input {pattern} can't be listed: {e}. Does the bucket exist, and may this account read it? Run "
            "`gcloud auth application-default login` or set GOOGLE_APPLICATION_CREDENTIALS; the account needs "
            "roles/storage.objectViewer"
        ) from e


def open_remote(path: str) -> RemoteFile:
    """Opens a file of an object store, or of another file system that Beam knows, as it is.

    Raises:
      OSError: if the store does not give it.
    """
    with _raise_as_system(path):
        file = open_bytes(path)
    return RemoteFile(file, path)


class RemoteFile(io.RawIOBase):
    """A file of an object store, whose errors are those of a file system.

    Each client has errors of its own for a file that has gone, a refusal and a connection that breaks. They say nothing
    about the content, and would pass for damage of it.

    Args:
      file: as Beam opens it.
      path: of the file, for messages.

    Raises:
      OSError: if the store does not give what is read, with an `errno` as the system's have; the cause is kept.
    """

    def __init__(self, file: Any, path: str) -> None:
        super().__init__()
        self._file = file
        self._path = path

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _raise_as_system(self._path):
            content = self._file.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with _raise_as_system(self._path):
            self._file.seek(offset, whence)
        return self.tell()

    def tell(self) -> int:
        position: int = self._file.tell()
        return position

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


@contextlib.contextmanager
def _raise_as_system(path: str) -> Iterator[None]:
    try:
        yield
    except MemoryError:
        raise
    except Exception as e:
        if isinstance(e, OSError) and e.errno is not None:
            raise
        raise OSError(errno.EIO, f"the store does not give it, {type(e).__name__}: {e}", path) from e
