"""Models in buckets: each is copied to this machine once, checked, and shared by the processes on it."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import posixpath
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from albert_embed.model.directory.model_directory import ModelDirectoryError
from albert_embed.transforms.files.literal_files import FoundFile, list_files
from albert_embed.transforms.files.open_bytes import open_bytes
from albert_embed.transforms.process.cache_folder import lock_file, open_cache_folder

logger = logging.getLogger(__name__)

# A file of a complete copy, beside the model's own files: it says what each of them must be.
CONTENTS_FILE = "albert_embed_contents.json"
_CHUNK_BYTES = 4 << 20


def fetch_model(name: str) -> Path:
    """Returns the local copy of the model `name` (`gs://…`, `s3://…`) in a bucket that Beam can read.

    There is one copy on a machine, below `ALBERT_EMBED_CACHE` or the folder for temporary files: the first process
    makes it, the others wait. Another version under the same name gets a copy of its own. When a file is copied, its
    size is checked, and its CRC-32C where the bucket has one; the copy's hashes are checked whenever it is used again.

    Raises:
      ModelDirectoryError: if there is nothing under `name`, or it can't be read, or it arrives damaged.
    """
    files = _list_files(name)
    listing = "\n".join(f"{file.name}\t{file.bytes}\t{file.modified}" for file in files)
    folder = open_cache_folder("models") / hashlib.sha256(f"{name}\n{listing}".encode()).hexdigest()[:32]
    with lock_file(folder.with_suffix(".lock")):
        if not is_whole(folder):
            _copy_files(name, files, folder)
    return folder


def _list_files(name: str) -> Sequence[FoundFile]:
    """Lists the files of the model, in the order of their names."""
    from apache_beam.io.filesystem import BeamIOError

    try:
        files = list_files(name)
    except (BeamIOError, ValueError, OSError) as e:
        raise ModelDirectoryError(
            f"{name!r} can't be listed: {e}. Does the bucket exist, and may this account read it? (s3:// needs "
            "`pip install apache-beam[aws]`)"
        ) from e
    if not files:
        raise ModelDirectoryError(f"there is nothing at {name!r}; give the folder that holds saved_model.pb")
    return files


def is_whole(folder: Path) -> bool:
    """Returns whether the copy is there with every file as it was copied."""
    try:
        contents = json.loads((folder / CONTENTS_FILE).read_text())
    except (FileNotFoundError, ValueError):
        return False
    for name, described in contents.items():
        file = folder / name
        if not file.is_file() or file.stat().st_size != described["bytes"]:
            logger.warning("%s has changed since it was copied; it is copied again", file)
            return False
        if _hash_file(file) != described["sha256"]:
            logger.warning("%s has changed since it was copied; it is copied again", file)
            return False
    return True


def _hash_file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_CHUNK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _copy_files(name: str, files: Sequence[FoundFile], folder: Path) -> None:
    started = time.monotonic()
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # of a process that died
    shutil.rmtree(folder, ignore_errors=True)
    contents = {file.name: _copy_file(posixpath.join(name, file.name), file, unfinished / file.name) for file in files}
    (unfinished / CONTENTS_FILE).write_text(json.dumps(contents))
    unfinished.rename(folder)
    size = sum(described["bytes"] for described in contents.values())
    logger.info("copied %s, %.1f MB, to %s in %.1f s", name, size / 1e6, folder, time.monotonic() - started)


def _copy_file(path: str, file: FoundFile, target: Path) -> dict[str, Any]:
    """Copies one file and describes it; raises ModelDirectoryError if the copy differs from the file in the bucket."""
    import google_crc32c
    from apache_beam.io.filesystem import BeamIOError
    from apache_beam.io.filesystems import FileSystems

    target.parent.mkdir(parents=True, exist_ok=True)
    digest, checksum, size = hashlib.sha256(), google_crc32c.Checksum(), 0
    try:
        with open_bytes(path) as source, target.open("wb") as copy:
            while block := source.read(_CHUNK_BYTES):
                copy.write(block)
                digest.update(block)
                checksum.update(block)
                size += len(block)
        expected = FileSystems.checksum(path) if path.startswith("gs://") else None
    except (BeamIOError, OSError) as e:
        raise ModelDirectoryError(f"{path} can't be copied to {target}: {e}") from e
    if size != file.bytes:
        raise ModelDirectoryError(
            f"{path} has {file.bytes:,} bytes, {size:,} arrived; was it replaced meanwhile? Run again"
        )
    found = base64.b64encode(checksum.digest()).decode()
    if expected and found != expected:
        raise ModelDirectoryError(f"{path} has the CRC-32C {expected}, what arrived has {found}; run again")
    return {"bytes": size, "sha256": digest.hexdigest()}
