"""Opens the model that a command names, with its vocabulary."""

from __future__ import annotations

from albert_embed.model.locate import locate_model
from albert_embed.model.model_directory import ModelDirectory, open_model_directory
from albert_embed.transforms.vocabulary import Vocabulary, load_vocabulary


def open_model(name: str) -> tuple[ModelDirectory, Vocabulary]:
    """What the model says of itself, and its vocabulary.

    Raises:
      ValueError: where the model can't be used, or its vocabulary has another size than it was trained with.
    """
    model = open_model_directory(locate_model(name))
    vocabulary = load_vocabulary(str(model.vocabulary_file))
    if vocabulary.size != model.config.vocab_size:
        raise ValueError(
            f"the model {name} has vocab_size {model.config.vocab_size:,} and a vocabulary of "
            f"{vocabulary.size:,} pieces; it was not exported with the vocabulary that it was trained with"
        )
    return model, vocabulary
