"""Finds the local directory of the model that `--model` or `--source` names."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.error import URLError

from albert_embed.model.directory.builtin_model import BUILTIN_MODEL, fetch_builtin_model, names_builtin
from albert_embed.model.directory.model_directory import ModelDirectoryError
from albert_embed.model.directory.remote_model import fetch_model
from albert_embed.transforms.files.directories import is_remote


def is_hub_handle(name: str) -> bool:
    """Returns whether `name` is a TF Hub handle (`https://tfhub.dev/google/albert_base/2`) rather than a path."""
    return name.startswith(("http://", "https://"))


def locate_model(name: str | os.PathLike[str]) -> Path:
    """Returns the local directory of the model that `name` names.

    `default` is the model that comes with this package (`model.directory.builtin_model`). A handle is resolved by
    tensorflow-hub, which downloads it once into its cache (`TFHUB_CACHE_DIR`). A model in a bucket is copied to this
    machine once (`model.directory.remote_model`).

    Raises:
      ModelDirectoryError: if a handle can't be resolved, a bucket can't be read, or a path does not exist.
    """
    name = os.fspath(name)
    if names_builtin(name):
        return fetch_builtin_model()
    if is_hub_handle(name):
        import tensorflow as tf
        import tensorflow_hub

        try:
            return Path(tensorflow_hub.resolve(name))
        except (URLError, OSError, EOFError, ValueError, RuntimeError, tf.errors.OpError) as e:
            raise ModelDirectoryError(
                f"the handle {name!r} could not be resolved: {e}. Is it spelt right, and the network "
                "reachable? A module that was downloaded elsewhere can be given as a directory."
            ) from e
    if is_remote(name):
        return fetch_model(name)
    path = Path(name)
    if not path.exists():
        raise ModelDirectoryError(
            f"there is nothing at {name!r}; give a directory or a TF Hub handle (a model of Hugging Face is downloaded "
            f"first, and then exported), or {BUILTIN_MODEL!r} for the small model that comes with albert-embed"
        )
    return path
