"""Files of object stores and other file systems that Beam knows, which a pattern names."""

from __future__ import annotations

import contextlib
import glob
from collections.abc import Iterator
from http import HTTPStatus

from apache_beam.io.aws.clients.s3.messages import ListRequest, S3ClientError
from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.listing.glob_pattern import ANY_DEPTH, SPECIAL, GlobPattern
from albert_embed.pipeline.listing.listed_file import MARKERS, FoundFiles, ListedFile
from albert_embed.pipeline.listing.table_folders import PARTS_OF_TABLES, find_table_of
from albert_embed.pipeline.storage.bucket_errors import explain_bucket_errors
from albert_embed.pipeline.storage.file_version import FileVersion
from albert_embed.transforms.files.object_stores import open_google_storage, open_s3


def list_remote(pattern: str, *, include_hidden: bool, leave_out: str | None, option: str) -> FoundFiles:
    """Lists the files; takes, returns and raises what `input_files.list_input` does."""
    scheme, _, path = pattern.partition("://")
    try:
        FileSystems.get_filesystem(pattern)
    except ValueError as e:
        raise ValueError(
            f"{option} {pattern}: there is no file system for {scheme}:// here; give files in a local folder or in a "
            "bucket (gs://, s3://), and fetch those of a web server first"
        ) from e
    with explain_bucket_errors(f"{option} {pattern}"):
        return _list(pattern, scheme, path, include_hidden=include_hidden, leave_out=leave_out)


def _list(pattern: str, scheme: str, path: str, *, include_hidden: bool, leave_out: str | None) -> FoundFiles:
    if not path.endswith("/") and FileSystems.exists(pattern):
        return _list_literally(pattern)
    fixed = path[: min((path.find(character) for character in SPECIAL if character in path), default=len(path))]
    if len(fixed) == len(path):
        path = fixed = f"{path.rstrip('/')}/"  # there are no folders: all files whose names start so
    root = fixed[: fixed.rindex("/") + 1] if "/" in fixed else ""
    parts = [part for part in path[len(root) :].split("/") if part]
    if path.endswith("/"):
        parts.append(ANY_DEPTH)
    below = GlobPattern(parts=tuple(parts))
    found = FoundFiles(root=f"{scheme}://{root}")
    without = None if leave_out is None else leave_out.rstrip("/") + "/"
    for file in _find_files(f"{scheme}://{fixed}"):
        name = file.path.removeprefix(found.root)
        if name.endswith("/") or (without is not None and file.path.startswith(without)):
            continue  # a marker that some programs write for a folder; the output
        if name.rpartition("/")[2] in MARKERS:
            found.manifests.add(file.path.rpartition("/")[0])
        table = find_table_of(file.path)
        if table is not None:
            found.tables[table[0]] = table[1]
        if not below.matches(name):
            continue
        if below.hides(name) and not include_hidden:
            found.hidden += 1
            continue
        found.files.append(file)
    return found


def find_remote_table(folder: str) -> str | None:
    """Returns the format of the table that a folder in a bucket is; None if it is none. It takes three listings."""
    for name in PARTS_OF_TABLES:
        # An account may be kept from listing what lies above the folders that it reads.
        with contextlib.suppress(OSError), explain_bucket_errors(folder):
            for file in _find_files(f"{folder}/{name}/"):
                table = find_table_of(file.path)
                if table is not None and table[0] == folder:
                    return table[1]
    return None


def _list_literally(path: str) -> FoundFiles:
    found = FoundFiles(root=path.rpartition("/")[0])
    found.files += [file for file in _find_files(path) if file.path == path]
    return found


def _find_files(start: str) -> Iterator[ListedFile]:
    """Yields all files whose paths start so. Beam's own listing gives no versions."""
    bucket, _, prefix = start.partition("://")[2].partition("/")
    if start.startswith("gs://"):
        yield from _find_in_google_storage(bucket, prefix)
    elif start.startswith("s3://"):
        yield from _find_in_s3(bucket, prefix)
    else:
        for metadata in FileSystems.match([f"{glob.escape(start)}**"])[0].metadata_list:
            modified = float(metadata.last_updated_in_seconds or 0)
            yield ListedFile(path=metadata.path, bytes=metadata.size_in_bytes, modified=modified)


def _find_in_google_storage(bucket: str, prefix: str) -> Iterator[ListedFile]:
    for blob in open_google_storage().client.list_blobs(bucket, prefix=prefix):
        yield ListedFile(
            path=f"gs://{bucket}/{blob.name}",
            bytes=blob.size,
            modified=blob.updated.timestamp(),
            version=FileVersion(tag=str(blob.generation or "")),
        )


def _find_in_s3(bucket: str, prefix: str) -> Iterator[ListedFile]:
    client = open_s3().client
    request = ListRequest(bucket=bucket, prefix=prefix)
    while True:
        try:
            page = client.list(request)
        except S3ClientError as e:
            if e.code == HTTPStatus.NOT_FOUND:  # as Beam's client says that no name starts so
                return
            raise
        for item in page.items:
            yield ListedFile(
                path=f"s3://{bucket}/{item.key}",
                bytes=item.size,
                modified=item.last_modified.timestamp(),
                version=FileVersion(tag=item.etag),
            )
        if not page.next_token:
            return
        request.continuation_token = page.next_token
