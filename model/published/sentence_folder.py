"""Reads the folders of sentence-transformers: `modules.json` and what it names.

Source of the forms: sentence-transformers, its modules Transformer, Pooling, Dense and Normalize in versions 0.2 to 6.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from albert_embed.model.architecture.sentence_modules import (
    DenseActivation,
    DenseLayer,
    Normalize,
    Pooling,
    SentenceModules,
)
from albert_embed.model.published.tensor_files import find_tensor_file, open_tensor_files
from albert_embed.transforms.files.json_object import read_json, read_json_object

MODULES_FILE = "modules.json"
_PACKAGE = "sentence_transformers."
_TRANSFORMERS = ("Transformer", "ALBERT")  # the second until version 0.3
_POOLINGS = {"mean": "pooling_mode_mean_tokens", "cls": "pooling_mode_cls_token"}
_ACTIVATIONS: dict[str, DenseActivation] = {
    "Identity": "identity",
    "Tanh": "tanh",
    "ReLU": "relu",
    "GELU": "gelu",
    "Sigmoid": "sigmoid",
}
_MIN_TOKENS = 3

Content = TypeVar("Content")


class SentenceFolderError(ValueError):
    """A folder of sentence-transformers holds what the export can't take over."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SentenceFolder:
    """A folder of sentence-transformers.

    Attributes:
      transformer: the folder of the ALBERT in it.
      modules: what follows the ALBERT.
      max_tokens: of one text; 0 where no limit is given.
      lower_case: whether text is lower-cased before the tokenizer sees it.
    """

    transformer: Path
    modules: SentenceModules
    max_tokens: int
    lower_case: bool


def read_sentence_folder(directory: Path) -> SentenceFolder:
    """Reads a folder that holds `modules.json`.

    Raises:
      SentenceFolderError: if it names a module that is not known, or one that does what is not implemented.
      CheckpointError: if the weights of a dense layer can't be read.
    """
    _refuse_prompts(directory)
    listed = _read(read_json, directory / MODULES_FILE)
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise SentenceFolderError(f"{directory / MODULES_FILE} must hold a list of modules")
    kinds = [_name_kind(directory, entry) for entry in listed]
    folders = [_locate(directory, str(entry.get("path", ""))) for entry in listed]
    if len(kinds) < 2 or kinds[0] not in _TRANSFORMERS or kinds[1] != "Pooling":
        raise SentenceFolderError(
            f"{directory / MODULES_FILE} names {', '.join(kinds) or 'nothing'}; an export needs Transformer, Pooling "
            "and then any of Dense and Normalize"
        )
    steps: list[DenseLayer | Normalize] = []
    for kind, folder in zip(kinds[2:], folders[2:], strict=True):
        if kind == "Dense":
            steps.append(_read_dense(folder))
        elif kind == "Normalize":
            steps.append(Normalize())
        elif kind != "Dropout":  # which does nothing once training is over
            raise SentenceFolderError(
                f"{directory / MODULES_FILE} names the module {kind}, which an export can't take over; it knows "
                "Transformer, Pooling (mean or cls), Dense and Normalize"
            )
    max_tokens, lower_case = _read_limits(folders[0])
    return SentenceFolder(
        transformer=folders[0],
        modules=SentenceModules(pooling=_read_pooling(folders[1]), steps=tuple(steps)),
        max_tokens=max_tokens,
        lower_case=lower_case,
    )


def _name_kind(directory: Path, entry: dict[str, Any]) -> str:
    """Returns the last part of a module's type, where it is one of sentence-transformers' own.

    Raises:
      SentenceFolderError: if it is code of somebody else's.
    """
    kind = str(entry.get("type", ""))
    if not kind.startswith(_PACKAGE):
        raise SentenceFolderError(
            f"{directory / MODULES_FILE} names the module {kind!r}, which is not one of sentence-transformers' own; an "
            "export can't take over what it computes"
        )
    return kind.rpartition(".")[2]


def _locate(directory: Path, path: str) -> Path:
    """Returns the folder of a module; raises SentenceFolderError if it is not inside the model's."""
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise SentenceFolderError(
            f"{directory / MODULES_FILE} names the folder {path!r}, which lies outside {directory}"
        )
    return directory / path


def check_widths(modules: SentenceModules, hidden_size: int, *, source: Path) -> None:
    """Refuses dense layers that do not take vectors of the width that comes before them.

    Args:
      modules: in their order.
      hidden_size: width of the pooled vectors.
      source: the folder, for messages.

    Raises:
      SentenceFolderError: naming both widths.
    """
    width = hidden_size
    for step in modules.steps:
        if not isinstance(step, DenseLayer):
            continue
        if step.kernel.shape[0] != width:
            raise SentenceFolderError(
                f"{source}: a dense layer takes vectors of {step.kernel.shape[0]} values, and what comes before it "
                f"gives {width}; give the folder as it was published"
            )
        width = step.kernel.shape[1]


def _refuse_prompts(directory: Path) -> None:
    fields = _read_optional(directory / "config_sentence_transformers.json")
    name = fields.get("default_prompt_name")
    prompts = fields.get("prompts") or {}
    if not isinstance(prompts, dict):
        raise SentenceFolderError(
            f"{directory / 'config_sentence_transformers.json'}: prompts must be a JSON object, not {prompts!r}"
        )
    prompt = prompts.get(name) if name is not None else None
    if prompt:
        raise SentenceFolderError(
            f"{directory}: the prompt {prompt!r} is put before every text (default_prompt_name in "
            "config_sentence_transformers.json), which is not implemented; set it to null and put it into the texts"
        )


def _read_pooling(folder: Path) -> Pooling:
    path = folder / "config.json"
    fields = _read(read_json_object, path)
    mode = fields.get("pooling_mode")
    if mode is None:
        stated = {_POOLINGS["mean"]: True, **fields}  # the mean, alone or beside others, unless it is switched off
        modes = [key.removeprefix("pooling_mode_") for key in stated if key.startswith("pooling_mode_") and stated[key]]
        spelled = {key.removeprefix("pooling_mode_"): name for name, key in _POOLINGS.items()}
        modes = [spelled.get(name, name) for name in modes]
    else:
        modes = [mode] if isinstance(mode, str) else list(mode)
    if len(modes) != 1 or modes[0] not in _POOLINGS:
        raise SentenceFolderError(
            f"{path}: the pooling is {', '.join(map(str, modes)) or 'none'}; an export can take over mean or cls, alone"
        )
    return cast(Pooling, modes[0])


def _read_dense(folder: Path) -> DenseLayer:
    path = folder / "config.json"
    fields = _read(read_json_object, path)
    # torch.nn.modules.activation.Tanh; an absent one is Tanh, as in sentence-transformers.
    name = str(fields.get("activation_function", "torch.nn.modules.activation.Tanh"))
    activation = _ACTIVATIONS.get(name.rpartition(".")[2]) if name.startswith("torch.nn.") else None
    if activation is None:
        raise SentenceFolderError(f"{path}: activation_function is {name!r}; known are {', '.join(_ACTIVATIONS)}")
    names = dict.fromkeys(("module_input_name", "module_output_name"), "sentence_embedding")
    for key, implemented in {"use_residual": False, **names}.items():
        if fields.get(key, implemented) != implemented:
            raise SentenceFolderError(f"{path}: {key} is {fields[key]!r}; only {implemented!r} is implemented")
    file = find_tensor_file(folder)
    if file is None:
        raise SentenceFolderError(f"{folder} holds no model.safetensors with the weights of its dense layer")
    with open_tensor_files(file) as tensors:
        if not {"linear.weight"} <= set(tensors.files) <= {"linear.weight", "linear.bias"}:
            raise SentenceFolderError(
                f"{file} holds {', '.join(sorted(tensors.files))}, not linear.weight and linear.bias"
            )
        kernel = np.ascontiguousarray(tensors.read("linear.weight").T)
        has_bias = "linear.bias" in tensors.files
        bias = tensors.read("linear.bias") if has_bias else np.zeros(kernel.shape[-1], np.float32)
    found = {"in_features": kernel.shape[0], "out_features": kernel.shape[-1], "bias": has_bias}
    for key, value in found.items():
        if fields.get(key, value) != value:
            raise SentenceFolderError(f"{path}: {key} is {fields[key]!r}, and the weights in {file.name} say {value!r}")
    if kernel.ndim != 2 or bias.shape != kernel.shape[1:]:
        raise SentenceFolderError(
            f"{file}: linear.weight is {list(kernel.T.shape)} and linear.bias {list(bias.shape)}, which are not those "
            "of one dense layer; was it downloaded whole?"
        )
    return DenseLayer(kernel=kernel, bias=bias, activation=activation)


def _read_limits(transformer: Path) -> tuple[int, bool]:
    """Returns the limit of tokens, 0 for none, and whether text is lower-cased first.

    Raises:
      SentenceFolderError: if one of the two is none.
    """
    fields: dict[str, Any] = {}
    for path in sorted(transformer.glob("sentence_*_config.json")):
        fields.update(_read_optional(path))
        lower_case = fields.get("do_lower_case")
        if not isinstance(lower_case, bool | None):
            raise SentenceFolderError(f"{path}: do_lower_case must be true or false, not {lower_case!r}")
        limit = fields.get("max_seq_length")
        if limit is not None and (type(limit) is not int or limit < _MIN_TOKENS):
            raise SentenceFolderError(
                f"{path}: max_seq_length must be an integer of at least {_MIN_TOKENS}, for [CLS], a token and [SEP], "
                f"not {limit!r}; give what the model was trained with"
            )
    limits = [
        fields.get("max_seq_length"),
        _read_optional(transformer / "tokenizer_config.json").get("model_max_length"),
    ]
    # transformers writes 10^30 for no limit.
    given = [limit for limit in limits if type(limit) is int and _MIN_TOKENS <= limit < 1 << 20]
    return (given[0] if given else 0), fields.get("do_lower_case") is True


def _read_optional(path: Path) -> dict[str, Any]:
    """Returns the JSON object in `path`; an empty one where there is no such file."""
    return _read(read_json_object, path) if path.exists() else {}


def _read(read: Callable[[Path], Content], path: Path) -> Content:
    """Returns what `read` reads; raises SentenceFolderError where it can't."""
    try:
        return read(path)
    except FileNotFoundError as e:
        raise SentenceFolderError(f"{path} is missing; was the folder copied whole?") from e
    except ValueError as e:
        raise SentenceFolderError(str(e)) from e
