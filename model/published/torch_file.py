"""Reads PyTorch's files (`pytorch_model.bin`), in a process of its own: PyTorch and TensorFlow in one have crashed.

Nothing but tensors is ever read: what would need pickle's own loading, which can run any code, is refused.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from albert_embed.model.architecture.weights import CheckpointError
from albert_embed.model.directory.child_process import run_module

_MORE_THAN_TENSORS, _UNREADABLE = 3, 4


def convert_torch_file(path: Path, target: Path) -> None:
    """Writes the tensors of `path` to `target` as safetensors, floats in float32; nested names are joined by dots.

    Raises:
      CheckpointError: if PyTorch is not installed, or the file is damaged or holds more than tensors.
    """
    if importlib.util.find_spec("torch") is None:
        raise CheckpointError(
            f"{path} needs PyTorch to be read, which is not installed; "
            "install torch, or get the model.safetensors of the same model"
        )
    finished = run_module(__name__, str(path.absolute()), str(target.absolute()))
    if finished.returncode == _MORE_THAN_TENSORS:
        raise CheckpointError(
            f"{path} holds more than tensors (Python objects, which could run any code while they are read), or is "
            "damaged, so it is not read; get the model.safetensors of the same model"
        )
    if finished.returncode:
        lines = finished.stderr.strip().splitlines() or [f"the process that read it ended with {finished.returncode}"]
        raise CheckpointError(
            f"{path} can't be read as a PyTorch checkpoint: {lines[-1]}; was it downloaded whole?"
        ) from None


def flatten_tensors(state: Any, prefix: str = "") -> dict[str, Any]:
    """Returns the tensors in `state`, a dictionary that may hold others, as training scripts save; no more."""
    tensors: dict[str, Any] = {}
    for name, value in state.items():
        if hasattr(value, "items"):
            tensors.update(flatten_tensors(value, f"{prefix}{name}."))
        elif hasattr(value, "is_floating_point"):
            tensors[f"{prefix}{name}"] = value
    return tensors


def _convert(path: str, target: str) -> int:
    """Returns what the process of its own does; returns its exit status."""
    import pickle

    import torch
    from safetensors.torch import save_file

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:  # PyTorch's own words advise to switch the safety off: they are not passed on
        return _MORE_THAN_TENSORS
    except (RuntimeError, EOFError, OSError, ValueError) as e:
        print(" ".join(str(e).split()) or type(e).__name__, file=sys.stderr)
        return _UNREADABLE
    if not hasattr(state, "items"):
        print(f"it holds a {type(state).__name__} and no names of weights", file=sys.stderr)
        return _UNREADABLE
    # Copies: tensors that share memory, as tied weights do, can't be saved. Integers stay: as weights they are refused.
    tensors = {
        name: (tensor.float() if tensor.is_floating_point() else tensor).contiguous().clone()
        for name, tensor in flatten_tensors(state).items()
    }
    save_file(tensors, target)
    return 0


if __name__ == "__main__":
    sys.exit(_convert(*sys.argv[1:]))
