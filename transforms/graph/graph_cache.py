"""Transform graphs that were built before on this machine: building one takes longer than all else before a run."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import logging
import os
import shutil
import time
import uuid
from pathlib import Path

import albert_embed.transforms
from albert_embed.transforms.process.cache_folder import open_cache_folder

logger = logging.getLogger(__name__)

SWITCH_VARIABLE = "ALBERT_EMBED_TRANSFORM_CACHE"
# How many graphs are kept, of 1 to 3 MB each; those that were used longest ago go first.
MAX_GRAPHS = 32
# In the folder of a graph: the SHA-256 of each file.
CONTENTS_FILE = "albert_embed_contents.json"
_UNFINISHED = ".unfinished"
_UNFINISHED_SECONDS = 24 * 3600  # left by a process that died


def take_graph(fingerprint: str, directory: Path) -> bool:
    """Copies a graph that was built before to `directory`, which does not exist yet.

    Args:
      fingerprint: of the graph's description.
      directory: where it goes.

    Returns:
      False, and nothing is there, where there is no such graph, it is damaged, or nothing is to be kept.
    """
    kept = _find_folder(fingerprint)
    if kept is None or not kept.is_dir():
        return False
    try:
        shutil.copytree(kept, directory)
        contents = json.loads((directory / CONTENTS_FILE).read_text(encoding="utf-8"))
        (directory / CONTENTS_FILE).unlink()
        if contents != _hash_files(directory):
            raise ValueError("files were changed or removed")
        os.utime(kept)
    except (OSError, ValueError) as e:  # such as files that something that tidies up has removed
        logger.warning("the transform graph in %s is damaged, and is built again: %s", kept, e)
        shutil.rmtree(directory, ignore_errors=True)
        shutil.rmtree(kept, ignore_errors=True)
        return False
    logger.debug("the transform graph was built before; it is that in %s", kept)
    return True


def keep_graph(fingerprint: str, directory: Path) -> None:
    """Keeps the graph in `directory` for later runs. Whatever goes wrong, this run goes on without.

    Several processes may keep the same graph at once: each writes a folder of its own, and the first to rename wins.
    """
    kept = _find_folder(fingerprint)
    if kept is None:
        return
    unfinished = kept.with_name(f"{kept.name}.{uuid.uuid4().hex}{_UNFINISHED}")
    try:
        shutil.copytree(directory, unfinished)
        (unfinished / CONTENTS_FILE).write_text(json.dumps(_hash_files(directory)), encoding="utf-8")
        with contextlib.suppress(FileExistsError, NotADirectoryError):
            unfinished.rename(kept)
        _remove_old(kept.parent)
    except OSError as e:
        # A folder that is there and not empty has an error of its own on each system.
        if not kept.is_dir():
            logger.warning("the transform graph can't be kept in %s for later runs: %s", kept.parent, e)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _find_folder(fingerprint: str) -> Path | None:
    """Returns the folder of a graph, which may not be there; None where none is to be kept, or none can be."""
    if os.environ.get(SWITCH_VARIABLE, "").strip().lower() in ("off", "0", "no", "false"):
        return None
    try:
        folder = open_cache_folder("transforms", below="transforms")
    except OSError as e:
        logger.warning("transform graphs can't be kept for later runs: %s", e)
        return None
    return folder / hashlib.sha256(f"{fingerprint}\n{_fingerprint_sources()}".encode()).hexdigest()[:32]


@functools.cache
def _fingerprint_sources() -> str:
    """Returns the SHA-256 of this package's programs, which build the graph."""
    digest = hashlib.sha256()
    for name, path in sorted(list_sources().items()):
        digest.update(name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def list_sources() -> dict[str, Path]:
    """Returns name → file of this package's programs."""
    package = Path(albert_embed.transforms.__path__[0])
    return {path.relative_to(package).as_posix(): path for path in package.rglob("*.py")}


def _hash_files(directory: Path) -> dict[str, str]:
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _remove_old(folder: Path) -> None:
    """Removes the graphs that were used longest ago, and what processes that died have left."""
    graphs: list[tuple[float, Path]] = []
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another process removes, too
            used = path.stat().st_mtime
            if not path.name.endswith(_UNFINISHED):
                graphs.append((used, path))
            elif used < time.time() - _UNFINISHED_SECONDS:
                shutil.rmtree(path, ignore_errors=True)
    for _, path in sorted(graphs, reverse=True)[MAX_GRAPHS:]:
        shutil.rmtree(path, ignore_errors=True)
