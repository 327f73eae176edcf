"""`PublishedModel`: published ALBERT weights as they lie in a directory, whichever of the three formats they have."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from albert_embed.model.archive import is_archive, unpack_archive
from albert_embed.model.config import AlbertConfig, read_config
from albert_embed.model.foreign_model import name_other_weights, refuse_foreign_model
from albert_embed.model.huggingface_checkpoint import read_huggingface_checkpoint
from albert_embed.model.locate import locate_model
from albert_embed.model.model_directory import (
    CONFIG_FILE,
    EXPORT_FILE,
    SAVED_MODEL_FILE,
    is_hub_module,
    open_model_directory,
)
from albert_embed.model.stand_ins import refuse_stand_in, refuse_stand_ins
from albert_embed.model.tensor_files import find_tensor_file
from albert_embed.model.tf1_checkpoint import find_checkpoint, list_checkpoint_indices, read_tf1_checkpoint
from albert_embed.model.weights import CheckpointError, EncoderWeights

Format = Literal["tf1_hub", "tf1_checkpoint", "huggingface"]
# What the releases call their SentencePiece model: the ALBERT repository, then Hugging Face.
_VOCABULARY_NAMES = ("30k-clean.model", "spiece.model")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PublishedModel:
    """Weights to export from.

    Attributes:
      format: how they are stored.
      directory: where.
      config: the config published with them.
      vocabulary_file: the SentencePiece model published with them, where there is one.
      lower_case: whether they want lower-cased text, where the directory says so.
    """

    format: Format
    directory: Path
    config: AlbertConfig
    vocabulary_file: Path | None
    lower_case: bool | None

    def read_weights(self) -> EncoderWeights:
        """The weights, float32, names and shapes as `model.weights.weight_shapes`.

        Raises:
          CheckpointError: naming every missing, extra or mis-shaped variable.
        """
        if self.format == "huggingface":
            return read_huggingface_checkpoint(self.directory, self.config)
        if self.format == "tf1_hub":
            return read_tf1_checkpoint(str(self.directory / "variables" / "variables"), self.config)
        return read_tf1_checkpoint(find_checkpoint(self.directory), self.config)


@contextlib.contextmanager
def open_published_model(source: str) -> Iterator[PublishedModel]:
    """What lies at `source`: a directory, an archive as the releases are published, or a TF Hub handle.

    An archive is unpacked into a temporary folder that is gone after the `with` block.

    Raises:
      CheckpointError: where none of the three formats is recognised.
      ForeignModelError: where it is known to be another model.
      StandInError: where a file only stands for the real one.
      ArchiveError, ModelDirectoryError, ValueError: where what is there is broken.
    """
    path = locate_model(source)
    with contextlib.ExitStack() as stack:
        if path.is_file():
            refuse_stand_in(path)
            if not is_archive(path):
                raise CheckpointError(
                    f"{source} is a file; --source takes a directory, a .tar.gz or a TF Hub handle: give the folder "
                    "that holds it with its config, or unpack it first"
                )
            path = unpack_archive(path, Path(stack.enter_context(tempfile.TemporaryDirectory())))
        yield _describe(path)


def _describe(directory: Path) -> PublishedModel:
    refuse_stand_ins(directory)
    refuse_foreign_model(directory)
    if is_hub_module(directory) and (directory / SAVED_MODEL_FILE).exists():
        module = open_model_directory(directory)
        return PublishedModel(
            format="tf1_hub",
            directory=directory,
            config=module.config,
            vocabulary_file=module.vocabulary_file,
            lower_case=module.lower_case,
        )
    vocabulary_file = next((directory / name for name in _VOCABULARY_NAMES if (directory / name).exists()), None)
    if find_tensor_file(directory) is not None:
        return PublishedModel(
            format="huggingface",
            directory=directory,
            config=read_config(_require(directory / "config.json"), "huggingface"),
            vocabulary_file=vocabulary_file,
            lower_case=_huggingface_lower_case(directory),
        )
    if list_checkpoint_indices(directory):
        return PublishedModel(
            format="tf1_checkpoint",
            directory=directory,
            config=read_config(_require(directory / CONFIG_FILE), "tf1"),
            vocabulary_file=vocabulary_file,
            lower_case=None,
        )
    if (directory / EXPORT_FILE).exists():
        raise CheckpointError(
            f"{directory} is an export of this project already; give it to `albert-embed embed` as --model"
        )
    other = name_other_weights(directory)
    if other is not None:
        raise CheckpointError(f"{directory} holds its weights as {other}; get the model.safetensors of the same model")
    raise CheckpointError(
        f"{directory} holds no published ALBERT weights: looked for a TF1 Hub module (saved_model.pb and "
        "tfhub_module.pb), a TF1 checkpoint (model.ckpt-best.index) and a Hugging Face model (model.safetensors or "
        f"pytorch_model.bin); it holds {sorted(entry.name for entry in directory.iterdir())[:10]}"
    )


def _require(path: Path) -> Path:
    if not path.exists():
        raise CheckpointError(f"{path} is missing; it is published beside the weights and says what shape they have")
    return path


def _huggingface_lower_case(directory: Path) -> bool | None:
    """`do_lower_case` of `tokenizer_config.json`, where there is one.

    Raises:
      CheckpointError: where the tokenizer keeps accents or space runs, which this project's preprocessing does not.
    """
    path = directory / "tokenizer_config.json"
    if not path.exists():
        return None
    fields = json.loads(path.read_text(encoding="utf-8"))
    for name, implemented in (("keep_accents", False), ("remove_space", True)):
        if fields.get(name, implemented) is not implemented:
            raise CheckpointError(
                f"{path}: {name} is {fields[name]!r}; only {implemented!r}, the ALBERT repository's way, is implemented"
            )
    return fields.get("do_lower_case")
