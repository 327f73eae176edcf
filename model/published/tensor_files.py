"""Reads the tensor files of Hugging Face models: one file, or several with an index; safetensors before PyTorch's.

Source of the forms: transformers, modeling_utils.py, and https://huggingface.co/docs/safetensors.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from albert_embed.model.architecture.weights import CheckpointError
from albert_embed.model.published.torch_file import convert_torch_file

SAFETENSORS_FILE = "model.safetensors"
TORCH_FILE = "pytorch_model.bin"
_INDEX_SUFFIX = ".index.json"
# In the order in which they are looked for.
TENSOR_FILES = (SAFETENSORS_FILE, SAFETENSORS_FILE + _INDEX_SUFFIX, TORCH_FILE, TORCH_FILE + _INDEX_SUFFIX)
# Weights in integers or 8 bits are quantised: without their scales, which each tool stores in its own way, they are
# wrong.
_READABLE_TYPES = ("F64", "F32", "F16", "BF16")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TensorFiles:
    """Tensors in one or more files.

    Attributes:
      source: the file, or the index of the files, for messages.
      files: name → the safetensors file that it is in.
    """

    source: Path
    files: Mapping[str, Path]

    def read(self, name: str) -> np.ndarray:
        """Returns one tensor, float32.

        Raises:
          CheckpointError: if it is not stored as floating-point numbers of 16 bits or more.
        """
        return _read_tensor(self.files[name], name, self.source)


def find_tensor_file(directory: Path) -> Path | None:
    """Returns the file to read, or the index of several; None where there is none.

    Raises:
      CheckpointError: if there are parts of a sharded model without their index.
    """
    for name in TENSOR_FILES:
        if (directory / name).exists():
            return directory / name
    parts = sorted([*directory.glob("model-*-of-*.safetensors"), *directory.glob("pytorch_model-*-of-*.bin")])
    if parts:
        name = (SAFETENSORS_FILE if parts[0].suffix == ".safetensors" else TORCH_FILE) + _INDEX_SUFFIX
        raise CheckpointError(f"{parts[0]} is a part of a model, whose index {name} is missing; get it as well")
    return None


@contextmanager
def open_tensor_files(path: Path) -> Iterator[TensorFiles]:
    """Yields the tensors of `path`, as `find_tensor_file` finds it. They are open while the `with` block runs.

    Raises:
      CheckpointError: if a file is missing or can't be read, or needs PyTorch and it is not installed.
    """
    with tempfile.TemporaryDirectory() as folder:
        is_index = path.name.endswith(_INDEX_SUFFIX)
        listed: Mapping[Path, list[str] | None] = _read_index(path) if is_index else {path: None}
        files: dict[str, Path] = {}
        for number, (file, names) in enumerate(listed.items()):
            if not file.exists():
                raise CheckpointError(f"{path} names {file.name}, which is missing; was the model downloaded whole?")
            readable = file
            if file.suffix != ".safetensors":
                readable = Path(folder) / f"{number}.safetensors"
                convert_torch_file(file, readable)
            found = _list_tensors(readable, file)
            missing = sorted(set(names or ()) - set(found))
            if missing:
                raise CheckpointError(f"{path} says that {file.name} holds {missing[0]}, which it does not")
            files.update(dict.fromkeys(found if names is None else names, readable))
        yield TensorFiles(source=path, files=files)


def _read_index(path: Path) -> dict[Path, list[str] | None]:
    """Returns file → the names of the tensors that are in it."""
    try:
        weight_map = json.loads(path.read_text(encoding="utf-8"))["weight_map"]
        pairs = sorted(weight_map.items())
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise CheckpointError(f"{path} is not an index of a sharded model: {e!r}") from e
    listed: dict[Path, list[str] | None] = {}
    for name, file in pairs:
        if not isinstance(file, str) or Path(file).name != file:
            raise CheckpointError(f"{path} names {file!r}, which is not a file beside it")
        names = listed.setdefault(path.parent / file, [])
        assert names is not None
        names.append(name)
    return listed


def _list_tensors(readable: Path, file: Path) -> list[str]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(readable, framework="numpy") as tensors:
            return list(tensors.keys())
    except (SafetensorError, OSError) as e:
        raise CheckpointError(f"{file} can't be read as a safetensors file: {e}; was it downloaded whole?") from e


def _read_tensor(file: Path, name: str, source: Path) -> np.ndarray:
    from safetensors import safe_open

    # Through TensorFlow, because NumPy has no bfloat16 of its own and published files may hold it.
    with safe_open(file, framework="tf") as tensors:
        kind = tensors.get_slice(name).get_dtype()
        if kind not in _READABLE_TYPES:
            raise CheckpointError(
                f"{source}: {name} is stored as {kind}, so these weights are quantised; get the same model in float32, "
                "float16 or bfloat16"
            )
        values: np.ndarray = tensors.get_tensor(name).numpy().astype(np.float32)
        return values
