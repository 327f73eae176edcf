"""`PublishedModel`: published ALBERT weights in a directory, in any of the three formats."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from albert_embed.model.architecture.config import AlbertConfig, read_config
from albert_embed.model.architecture.sentence_modules import SentenceModules
from albert_embed.model.architecture.weights import CheckpointError, EncoderWeights
from albert_embed.model.directory.archive import is_archive, unpack_archive
from albert_embed.model.directory.foreign_model import name_other_weights, refuse_foreign_model
from albert_embed.model.directory.locate import locate_model
from albert_embed.model.directory.model_directory import (
    CONFIG_FILE,
    EXPORT_FILE,
    SAVED_MODEL_FILE,
    is_hub_module,
    open_model_directory,
)
from albert_embed.model.directory.stand_ins import refuse_stand_in, refuse_stand_ins
from albert_embed.model.published.huggingface_checkpoint import read_huggingface_checkpoint
from albert_embed.model.published.sentence_folder import MODULES_FILE, check_widths, read_sentence_folder
from albert_embed.model.published.tensor_files import find_tensor_file
from albert_embed.model.published.tf1_checkpoint import (
    find_checkpoint,
    find_prefix,
    list_checkpoint_indices,
    read_tf1_checkpoint,
)
from albert_embed.model.published.trained_dimensions import find_trained_dimensions
from albert_embed.model.vocabulary.source_tokenizer import SourceTokenizer, find_vocabulary, read_source_tokenizer

Format = Literal["tf1_hub", "tf1_checkpoint", "huggingface"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class PublishedModel:
    """Weights to export from.

    Attributes:
      format: how they are stored.
      directory: the directory of the files.
      checkpoint: the prefix of the TF1 checkpoint in it, where one was named.
      config: the config published with them.
      tokenizer: how the source cuts text.
      sentence: what makes one vector of a text's tokens; None where the source says nothing of it.
      max_tokens: of one text, as the source was trained; 0 where it says nothing of it.
      trained_dimensions: the lengths of shortened sentence embeddings that it was trained for; empty where it says
        nothing of it.
    """

    format: Format
    directory: Path
    config: AlbertConfig
    tokenizer: SourceTokenizer
    sentence: SentenceModules | None = None
    checkpoint: str | None = None
    max_tokens: int = 0
    trained_dimensions: tuple[int, ...] = ()

    def read_weights(self) -> EncoderWeights:
        """Reads the weights, float32, with the names and shapes of `model.architecture.weights.weight_shapes`.

        Raises:
          CheckpointError: if variables are missing, extra or of the wrong shape; all are named.
        """
        if self.format == "huggingface":
            return read_huggingface_checkpoint(self.directory, self.config)
        if self.format == "tf1_hub":
            return read_tf1_checkpoint(str(self.directory / "variables" / "variables"), self.config)
        return read_tf1_checkpoint(self.checkpoint or find_checkpoint(self.directory), self.config)


@contextlib.contextmanager
def open_published_model(source: str, *, vocabulary_file: Path | None = None) -> Iterator[PublishedModel]:
    """Opens the model at `source`: a directory, a TF1 checkpoint in it, an archive of a release, or a TF Hub handle.

    An archive is unpacked into a temporary folder that is gone after the `with` block, and so is a vocabulary that has
    to be made.

    Args:
      source: where.
      vocabulary_file: the SentencePiece model to use, whatever lies there.

    Raises:
      CheckpointError: if none of the three formats is recognised.
      ForeignModelError: if it is known to be another model.
      StandInError: if a file is only in the place of the real one.
      ArchiveError, ModelDirectoryError, ValueError: if the files are broken.
    """
    checkpoint = find_prefix(source)
    path = locate_model(source) if checkpoint is None else Path(checkpoint).parent
    with contextlib.ExitStack() as stack:
        if path.is_file():
            refuse_stand_in(path)
            if not is_archive(path):
                raise CheckpointError(
                    f"{source} is a file; --source takes a directory, a .tar.gz or a TF Hub handle: give the folder "
                    "that holds it with its config, or unpack it first"
                )
            path = unpack_archive(path, Path(stack.enter_context(tempfile.TemporaryDirectory())))
        if checkpoint is not None:
            refuse_stand_ins(path)
            refuse_foreign_model(path)
            yield _describe_checkpoint(path, vocabulary_file, checkpoint)
        else:
            yield _describe(path, Path(stack.enter_context(tempfile.TemporaryDirectory())), vocabulary_file)


def _describe(directory: Path, work: Path, vocabulary_file: Path | None) -> PublishedModel:
    refuse_stand_ins(directory)
    if (directory / MODULES_FILE).exists():
        return _describe_sentence_folder(directory, work, vocabulary_file)
    refuse_foreign_model(directory)
    if is_hub_module(directory) and (directory / SAVED_MODEL_FILE).exists():
        module = open_model_directory(directory)
        return PublishedModel(
            format="tf1_hub",
            directory=directory,
            config=module.config,
            tokenizer=SourceTokenizer(vocabulary_file=module.vocabulary_file, lower_case=module.lower_case),
        )
    if find_tensor_file(directory) is not None:
        config = read_config(_require(directory / "config.json"), "huggingface")
        return PublishedModel(
            format="huggingface",
            directory=directory,
            config=config,
            tokenizer=read_source_tokenizer(directory, work, vocabulary_size=config.vocab_size, given=vocabulary_file),
        )
    if list_checkpoint_indices(directory):
        return _describe_checkpoint(directory, vocabulary_file)
    if (directory / EXPORT_FILE).exists():
        raise CheckpointError(
            f"{directory} is already an export of this project; give it to `albert-embed embed` as --model"
        )
    revisions = sorted(directory.glob("snapshots/*/config.json"))
    if revisions:
        raise CheckpointError(
            f"{directory} is Hugging Face's cache of a model; give the folder of a revision in it: "
            f"{revisions[0].parent}"
        )
    other = name_other_weights(directory)
    if other is not None:
        raise CheckpointError(f"{directory} holds its weights as {other}; get the model.safetensors of the same model")
    raise CheckpointError(
        f"{directory} holds no published ALBERT weights: looked for a TF1 Hub module (saved_model.pb and "
        "tfhub_module.pb), a TF1 checkpoint (model.ckpt-best.index) and a Hugging Face model (model.safetensors or "
        f"pytorch_model.bin); it holds {sorted(entry.name for entry in directory.iterdir())[:10]}. Give the directory "
        "that was published, with all of its files"
    )


def _describe_checkpoint(
    directory: Path, vocabulary_file: Path | None, checkpoint: str | None = None
) -> PublishedModel:
    return PublishedModel(
        format="tf1_checkpoint",
        directory=directory,
        checkpoint=checkpoint,
        config=read_config(_require(directory / CONFIG_FILE), "tf1"),
        tokenizer=SourceTokenizer(vocabulary_file=vocabulary_file or find_vocabulary(directory), lower_case=None),
    )


def _describe_sentence_folder(directory: Path, work: Path, vocabulary_file: Path | None) -> PublishedModel:
    folder = read_sentence_folder(directory)
    refuse_stand_ins(folder.transformer)
    refuse_foreign_model(folder.transformer)
    config = read_config(_require(folder.transformer / "config.json"), "huggingface")
    check_widths(folder.modules, config.hidden_size, source=directory)
    tokenizer = read_source_tokenizer(
        folder.transformer, work, vocabulary_size=config.vocab_size, given=vocabulary_file, fast=True
    )
    limit = folder.max_tokens if folder.max_tokens < config.max_position_embeddings else 0
    note = f"sentence-transformers: {folder.modules.describe()}" + (f"; at most {limit} tokens" if limit else "")
    return PublishedModel(
        format="huggingface",
        directory=folder.transformer,
        config=config,
        tokenizer=dataclasses.replace(
            tokenizer, lower_case=True if folder.lower_case else tokenizer.lower_case, notes=(note, *tokenizer.notes)
        ),
        sentence=folder.modules,
        max_tokens=limit,
        trained_dimensions=find_trained_dimensions((directory, folder.transformer)),
    )


def _require(path: Path) -> Path:
    if not path.exists():
        raise CheckpointError(f"{path} is missing; it is published beside the weights and says what shape they have")
    return path
