"""`fetch_index`: brings the file of an index to this machine, where it can be mapped into memory."""

from __future__ import annotations

import os
import shutil

from albert_embed.pipeline.formats.shard_file import open_shard
from albert_embed.transforms.files.directories import is_remote
from albert_embed.transforms.files.literal_files import COPY_CHUNK_BYTES


def fetch_index(path: str, directory: str) -> str:
    """Returns a local path of a file: its own, or that of a copy.

    Args:
      path: of the file, anywhere.
      directory: a local one, for the copy.

    Raises:
      FileNotFoundError: if it is not there.
      OSError: if there is no room for the copy.
    """
    if not is_remote(path):
        return path
    local = os.path.join(directory, "fetched.usearch")
    with open_shard(path) as reader, open(local, "wb") as writer:
        shutil.copyfileobj(reader, writer, COPY_CHUNK_BYTES)
    return local
