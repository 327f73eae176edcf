"""The model that `--model default` names: it comes with the package, and each machine exports it once."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
import shutil
from pathlib import Path

import albert_embed.model
from albert_embed.model.directory.child_process import run_module
from albert_embed.model.directory.model_directory import EXPORT_FILE, fingerprint_model
from albert_embed.transforms.process.cache_folder import lock_file, open_cache_folder

logger = logging.getLogger(__name__)

BUILTIN_MODEL = "default"
BUILTIN_NOTICE = (
    "--model default is a small model for trying things out: English, 128 tokens and fewer, far behind published "
    "models; docs/models.md says what it can do"
)
# The checkpoint, as transformers would write it, with its card.
BUILTIN_FILES = Path(albert_embed.model.__path__[0]).resolve() / "default_model"


def names_builtin(name: str) -> bool:
    """Returns whether `name` is the built-in model's, rather than a path; a folder of that name is `./default`."""
    return name == BUILTIN_MODEL


def note_builtin(name: str) -> None:
    """Says what the built-in model is for, where `name` is its name."""
    if names_builtin(name):
        logger.info(BUILTIN_NOTICE)


def fetch_builtin_model() -> Path:
    """Returns the built-in model's export on this machine; the first call on a machine makes it, in some seconds.

    It lies below `ALBERT_EMBED_CACHE` or the folder for temporary files, like copies of models in buckets. The export
    is the same on every machine with the same versions of this package and of TensorFlow. One that was changed since
    is made again.

    Raises:
      OSError: if it can't be exported, or not be written.
    """
    folder = open_cache_folder("models") / f"default-{_identify_export()}"
    with lock_file(folder.with_suffix(".lock")):
        if not _is_whole(folder):
            shutil.rmtree(folder, ignore_errors=True)
            # TensorFlow numbers functions by what a process did before: a new process writes the same graph each time.
            run = run_module("albert_embed.model.export.export_builtin", str(BUILTIN_FILES), str(folder))
            if run.returncode:
                reason = (run.stderr.strip() or "no reason given").splitlines()[-1]
                raise OSError(f"the built-in model can't be exported to {folder}: {reason}")
            logger.info("exported the built-in model to %s", folder)
    return folder


def _identify_export() -> str:
    """Returns a name that differs wherever the export could: for other files, and for other versions."""
    digest = hashlib.sha256()
    for package in ("albert-embed", "tensorflow"):
        digest.update(f"{package} {importlib.metadata.version(package)}\n".encode())
    for file in sorted(BUILTIN_FILES.iterdir()):
        digest.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:16]


def _is_whole(folder: Path) -> bool:
    try:
        recorded = json.loads((folder / EXPORT_FILE).read_text(encoding="utf-8"))["fingerprint"]
    except (OSError, ValueError, KeyError):
        return False
    return bool(fingerprint_model(folder) == recorded)
