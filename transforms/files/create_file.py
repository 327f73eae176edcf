"""`create_file`: writes a file that is not there, so that of several programs only one can."""

from __future__ import annotations

import contextlib
import os
import uuid

from albert_embed.transforms.files.directories import is_remote
from albert_embed.transforms.files.object_stores import open_google_storage, open_s3


def create_file(path: str, content: bytes) -> bool:
    """Writes a file if there is none of that name, so that of several programs only one can.

    On the local file system it is a hard link, on Google Cloud Storage and S3 a condition of the request. Other file
    systems have no such operation (`can_create`).

    Returns:
      Whether it was written.

    Raises:
      OSError: if it can't be written for another reason.
    """
    if not is_remote(path):
        return _create_local(path, content)
    return _CREATE[path.partition("://")[0]](path, content)


def can_create(path: str) -> bool:
    """Returns whether the file system of a path has what `create_file` needs."""
    return not is_remote(path) or path.startswith(CREATING_SCHEMES)


def _create_local(path: str, content: bytes) -> bool:
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    unfinished = os.path.join(folder, f".{uuid.uuid4().hex}.unfinished")
    try:
        with open(unfinished, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(unfinished, path)
        except FileExistsError:
            return False
        return True
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(unfinished)


def _create_in_google_storage(path: str, content: bytes) -> bool:
    from google.api_core.exceptions import GoogleAPIError, PreconditionFailed

    client = open_google_storage().client
    bucket, _, name = path.removeprefix("gs://").partition("/")
    try:
        client.bucket(bucket).blob(name).upload_from_string(
            content, content_type="application/octet-stream", if_generation_match=0
        )
    except PreconditionFailed:
        return False
    except GoogleAPIError as e:
        raise OSError(f"can't write {path}: {e}") from e
    return True


def _create_in_s3(path: str, content: bytes) -> bool:
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, _, name = path.removeprefix("s3://").partition("/")
    try:
        open_s3().client.client.put_object(Bucket=bucket, Key=name, Body=content, IfNoneMatch="*")
    except ClientError as e:
        if e.response.get("Error", {}).get("Code") in ("PreconditionFailed", "ConditionalRequestConflict"):
            return False
        raise OSError(f"can't write {path}: {e}") from e
    except BotoCoreError as e:
        raise OSError(f"can't write {path}: {e}") from e
    return True


_CREATE = {"gs": _create_in_google_storage, "s3": _create_in_s3}
CREATING_SCHEMES = tuple(f"{scheme}://" for scheme in _CREATE)
