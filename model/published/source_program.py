"""Runs a published model's own program, in a process of its own.

TensorFlow and PyTorch (its triton) each contain an LLVM, and two of them in one process have crashed it. A crash in a
process of its own is an error with a message, after which the export can clean up.
"""

from __future__ import annotations

import importlib.util
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from albert_embed.model.directory.child_process import run_module
from albert_embed.model.directory.model_directory import TOKENS_SIGNATURE, load_saved_model
from albert_embed.model.published.published_model import PublishedModel

_INPUTS_FILE = "inputs.safetensors"
_OUTPUTS_FILE = "outputs.safetensors"
_NOT_RUNNABLE_FILE = "not_runnable.txt"
_ENVIRONMENT = {
    "USE_TF": "0",  # otherwise transformers imports TensorFlow where it finds it
    "HF_HUB_OFFLINE": "1",  # everything that is needed is in the directory
    "CUDA_VISIBLE_DEVICES": "-1",  # the parent may hold all memory of the GPU; and GPUs round float32 to TF32
}

Outputs = dict[str, np.ndarray]


class NotRunnableError(RuntimeError):
    """The published model can't be run here as it is."""


class SourceProgramError(RuntimeError):
    """The published model's own program failed or crashed."""


def run_source(published: PublishedModel, inputs: Mapping[str, np.ndarray]) -> Outputs:
    """Runs the published program itself on a padded batch.

    Args:
      published: the model to run.
      inputs: `input_ids`, `input_mask`, `segment_ids`, int32 `[batch, seq]`.

    Returns:
      `sequence_output` float32 `[batch, seq, hidden]` and, where the source has a pooler, `pooled_output` float32
      `[batch, hidden]`.

    Raises:
      NotRunnableError: if nothing here can run it; the message says why.
      SourceProgramError: if its program raised an error or was ended by a signal.
    """
    if published.format not in _PROGRAMS:
        raise NotRunnableError("a TF1 checkpoint holds weights and no program")
    missing = [name for name in _NEEDED.get(published.format, ()) if importlib.util.find_spec(name) is None]
    if missing:
        raise NotRunnableError("PyTorch and transformers, which can run it, are not installed")
    with tempfile.TemporaryDirectory() as folder:
        save_file(dict(inputs), Path(folder) / _INPUTS_FILE)
        finished = run_module(
            __name__, published.format, str(published.directory.absolute()), folder, environment=_ENVIRONMENT
        )
        if finished.returncode != 0:
            raise SourceProgramError(
                f"the own program of {published.directory} ({_NAMES[published.format]}) "
                f"{_describe_end(finished.returncode, finished.stderr)}"
            )
        refusal = Path(folder) / _NOT_RUNNABLE_FILE
        if refusal.exists():
            raise NotRunnableError(refusal.read_text(encoding="utf-8"))
        outputs: Outputs = load_file(Path(folder) / _OUTPUTS_FILE)
        return outputs


def _describe_end(status: int, stderr: str) -> str:
    """Describes how a process failed; the last line that it wrote names the error."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    last = lines[-1].strip() if lines else "it wrote nothing"
    if status < 0:
        return f"crashed: it was ended by {signal.Signals(-status).name}"
    return f"failed with status {status}: {last}"


def _run_hub_module(directory: Path, inputs: Mapping[str, np.ndarray]) -> Outputs:
    import tensorflow as tf

    module = load_saved_model(directory)
    outputs = module.signatures[TOKENS_SIGNATURE](**{name: tf.constant(value) for name, value in inputs.items()})
    return {name: value.numpy() for name, value in outputs.items()}


def _run_transformers(directory: Path, inputs: Mapping[str, np.ndarray]) -> Outputs:
    import torch
    from transformers import AlbertModel

    module, found = AlbertModel.from_pretrained(str(directory), dtype=torch.float32, output_loading_info=True)
    missing = sorted(name for name in found["missing_keys"] if not name.startswith("pooler."))
    if missing:  # transformers would continue with random numbers in their place
        raise NotRunnableError(f"transformers finds {len(missing)} of its weights missing, such as {missing[0]}")
    module.eval()
    with torch.no_grad():
        outputs = module(
            input_ids=torch.from_numpy(inputs["input_ids"]).long(),
            attention_mask=torch.from_numpy(inputs["input_mask"]).long(),
            token_type_ids=torch.from_numpy(inputs["segment_ids"]).long(),
        )
    named = {"sequence_output": outputs.last_hidden_state.numpy()}
    if not found["missing_keys"]:
        named["pooled_output"] = outputs.pooler_output.numpy()
    return named


_PROGRAMS: dict[str, Callable[[Path, Mapping[str, np.ndarray]], Outputs]] = {
    "tf1_hub": _run_hub_module,
    "huggingface": _run_transformers,
}
_NAMES = {"tf1_hub": "a TF1 Hub module in TensorFlow", "huggingface": "AlbertModel of transformers"}
_NEEDED = {"huggingface": ("torch", "transformers")}


def _main(format_name: str, directory: str, folder: str) -> None:
    """Runs in the process of its own."""
    try:
        outputs = _PROGRAMS[format_name](Path(directory), load_file(Path(folder) / _INPUTS_FILE))
    except NotRunnableError as e:
        (Path(folder) / _NOT_RUNNABLE_FILE).write_text(str(e), encoding="utf-8")
    else:
        save_file(outputs, Path(folder) / _OUTPUTS_FILE)


if __name__ == "__main__":
    _main(*sys.argv[1:])
