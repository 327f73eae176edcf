"""What the refusals of an object store mean, when it is listed and while one of its files is read."""

from __future__ import annotations

import contextlib
import errno
import io
from collections.abc import Iterator
from typing import Any

from apache_beam.io.aws.clients.s3.messages import S3ClientError
from apache_beam.io.aws.s3io import S3Downloader
from apache_beam.io.filesystemio import DownloaderStream
from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError

from albert_embed.pipeline.storage.file_version import FileVersion
from albert_embed.transforms.files.object_stores import open_s3
from albert_embed.transforms.files.open_bytes import open_bytes

_S3_READ_BYTES = 16 << 20  # as Beam reads


@contextlib.contextmanager
def explain_bucket_errors(what: str) -> Iterator[None]:
    """Turns what a bucket refuses in the `with` block into an error that says what to do.

    Args:
      what: is listed there, for the message.

    Raises:
      OSError: if the store refuses, or is asked without credentials; the cause is kept.
    """
    try:
        yield
    except (OSError, GoogleAPIError, GoogleAuthError, S3ClientError) as e:
        raise OSError(
            f"{what} can't be listed: {e}. Does the bucket exist, and may this account read it? Run "
            "`gcloud auth application-default login` or set GOOGLE_APPLICATION_CREDENTIALS; the account needs "
            "roles/storage.objectViewer"
        ) from e


def open_remote(path: str) -> RemoteFile:
    """Opens a file of an object store, or of another file system that Beam knows, as it is.

    Raises:
      OSError: if the store does not give it.
    """
    with _raise_as_system(path):
        if path.startswith("s3://"):
            downloader: Any = _S3Downloader(open_s3().client, path, _S3_READ_BYTES)  # type: ignore[no-untyped-call]
            stream = io.BufferedReader(DownloaderStream(downloader, mode="rb"), buffer_size=_S3_READ_BYTES)
            return RemoteFile(stream, path, tag=downloader.etag)
        file = open_bytes(path)
    # Beam's reader of Google Cloud Storage has asked for the object's metadata, and reads this generation alone.
    generation = getattr(getattr(file, "_blob", None), "generation", None)
    return RemoteFile(file, path, tag=str(generation or ""))


class _S3Downloader(S3Downloader):
    """Beam's own, which asks for an object's metadata and keeps its size alone.

    Attributes:
      etag: of the object.
    """

    etag = ""

    def _get_object_metadata(self, request: Any) -> Any:
        metadata = super()._get_object_metadata(request)
        self.etag = metadata.etag
        return metadata


class RemoteFile(io.RawIOBase):
    """A file of an object store, whose errors are those of a file system.

    Each client has errors of its own for a file that has gone, a refusal and a connection that breaks. They say nothing
    about the content, and would pass for damage of it.

    Args:
      file: as Beam opens it.
      path: of the file, for messages.
      tag: what the store gives its content.

    Attributes:
      version: which one it is.

    Raises:
      OSError: if the store does not give what is read, with an `errno` as the system's have; the cause is kept.
    """

    def __init__(self, file: Any, path: str, *, tag: str = "") -> None:
        super().__init__()
        self.version = FileVersion(tag=tag)
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
