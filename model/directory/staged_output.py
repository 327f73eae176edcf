"""A directory that appears complete or not at all: it is written beside its place under another name, then renamed."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

# A file in a directory that is still being written, locked by the process that writes.
UNFINISHED_FILE = "export.unfinished"


@contextlib.contextmanager
def stage_output(output: Path) -> Iterator[Path]:
    """Yields a directory to write to, which becomes `output` if the `with` block succeeds, and else is removed.

    What a killed process has left here is removed first. `UNFINISHED_FILE` in it says that it is not finished.

    Raises:
      FileExistsError: if `output` is a file or a folder that holds something, before the block or after it.
    """
    refuse_existing_output(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(output)
    staged = Path(tempfile.mkdtemp(prefix=f".{output.name}.", suffix=".unfinished", dir=output.parent))
    try:
        with (staged / UNFINISHED_FILE).open("w") as marker:
            fcntl.flock(marker, fcntl.LOCK_EX)
            yield staged
            staged.chmod(0o755)  # mkdtemp's 0700 would keep other users' workers from reading the model
            refuse_existing_output(output)
            (staged / UNFINISHED_FILE).unlink()
            # Replaces an empty directory; fails if it is no longer empty.
            staged.rename(output)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise


def refuse_existing_output(output: Path) -> None:
    """Raises FileExistsError if `output` is a file, the current folder, or a folder that holds something."""
    if output.resolve() == Path.cwd():  # which would no longer be there after the renaming
        raise FileExistsError(f"{output} is the current directory; give the name of a new directory")
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise FileExistsError(f"{output} already exists and holds something; give a new directory, or remove it first")


def _remove_leftovers(output: Path) -> None:
    """Removes what processes that are dead left of this output; one that is alive holds its lock."""
    for leftover in output.parent.glob(f".{glob.escape(output.name)}.*.unfinished"):
        with contextlib.suppress(OSError), (leftover / UNFINISHED_FILE).open("r+") as marker:
            fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(leftover, ignore_errors=True)
