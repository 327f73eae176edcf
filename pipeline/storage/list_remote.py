"""Files of object stores and other file systems that Beam knows, which a pattern names."""

from __future__ import annotations

import glob

from apache_beam.io.filesystem import FileMetadata
from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.storage.bucket_errors import explain_bucket_errors
from albert_embed.pipeline.storage.glob_pattern import ANY_DEPTH, SPECIAL, GlobPattern
from albert_embed.pipeline.storage.listed_file import MARKERS, FoundFiles, ListedFile


def list_remote(pattern: str, *, include_hidden: bool, leave_out: str | None) -> FoundFiles:
    """Lists the files; see `input_files.list_input`."""
    scheme, _, path = pattern.partition("://")
    try:
        FileSystems.get_filesystem(pattern)
    except ValueError as e:
        raise ValueError(
            f"--input {pattern}: there is no file system for {scheme}:// here; give files in a local folder or in a "
            "bucket (gs://, s3://), and fetch those of a web server first"
        ) from e
    with explain_bucket_errors(pattern):
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
    for metadata in FileSystems.match([f"{scheme}://{glob.escape(fixed)}**"])[0].metadata_list:
        name = metadata.path.removeprefix(found.root)
        if name.endswith("/") or (without is not None and metadata.path.startswith(without)):
            continue  # a marker that some programs write for a folder; the output
        if name.rpartition("/")[2] in MARKERS:
            found.manifests.add(metadata.path.rpartition("/")[0])
        if not below.matches(name):
            continue
        if below.hides(name) and not include_hidden:
            found.hidden += 1
            continue
        found.files.append(_describe(metadata))
    return found


def _list_literally(path: str) -> FoundFiles:
    found = FoundFiles(root=path.rpartition("/")[0])
    found.files += [
        _describe(metadata)
        for metadata in FileSystems.match([glob.escape(path)])[0].metadata_list
        if metadata.path == path
    ]
    return found


def _describe(metadata: FileMetadata) -> ListedFile:
    return ListedFile(
        path=metadata.path,
        bytes=metadata.size_in_bytes,
        modified=float(metadata.last_updated_in_seconds or 0),
    )
