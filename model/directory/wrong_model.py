"""What is said of a path that is given as a model and is none."""

from __future__ import annotations

import shlex
from pathlib import Path

_TAKES = "--model takes the directory of a SavedModel, as `albert-embed export` writes it, or a TF Hub handle"
# Endings of files that are taken for models, and what to do with them.
_KINDS = {
    (".zip", ".tar", ".gz", ".tgz"): "an archive; unpack it and give the directory that comes out",
    (".pb", ".pbtxt"): "a graph alone; give the directory that holds saved_model.pb, variables/ and assets/",
    (".keras", ".h5", ".hdf5"): "a model of Keras, which says nothing of tokens; export the published ALBERT weights",
    (".onnx", ".tflite"): "a model for another runtime; export the published ALBERT weights",
    (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".index", ".msgpack"): "weights alone; give the directory that "
    "holds them with their config to `albert-embed export --source`",
}


def describe_wrong_model(path: Path) -> str:
    """Returns what `path`, which holds no saved_model.pb, is instead, and what to give."""
    if path.is_dir():
        if not any(path.iterdir()):
            return f"{path} is an empty directory; {_TAKES}"
        source = shlex.quote(str(path))
        return (
            f"{path} holds no saved_model.pb; a checkpoint first goes through `albert-embed export --source {source}`"
        )
    if not path.exists():
        return f"there is no directory {path}; {_TAKES}"
    kind = next((said for endings, said in _KINDS.items() if path.name.lower().endswith(endings)), None)
    return f"{path} is {kind or 'a file, not a model'}: {_TAKES}"
