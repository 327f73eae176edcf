"""`OpenedModel`: the model that a command names, with its vocabulary, and what it asks of preprocessing."""

from __future__ import annotations

import atexit
import dataclasses
import shutil
import tempfile
from collections.abc import Sequence

from albert_embed.model.architecture.vector_shape import check_dimensions
from albert_embed.model.directory.locate import locate_model
from albert_embed.model.directory.model_directory import ModelDirectory, check_fingerprint, open_model_directory
from albert_embed.pipeline.dataset.provenance import ModelProvenance
from albert_embed.transforms.graph.preprocessing_config import LongDocuments, PreprocessingConfig
from albert_embed.transforms.graph.transform_graph import save_transform_graph
from albert_embed.transforms.text.vocabulary import Vocabulary

DEFAULT_MAX_TOKENS = 512


@dataclasses.dataclass(frozen=True, kw_only=True)
class OpenedModel:
    """A model, but for its weights.

    Attributes:
      name: as it was named.
      directory: what it says of itself.
      vocabulary: of its texts.
    """

    name: str
    directory: ModelDirectory
    vocabulary: Vocabulary

    def describe(self, *, engine: str | None = None) -> ModelProvenance:
        """Returns it as the manifest has it.

        Args:
          engine: what executes it; None where nothing does.
        """
        return ModelProvenance(
            name=self.name,
            fingerprint=self.directory.fingerprint,
            precision=self.directory.precision,
            engine=engine,
            lower_case=self.directory.lower_case,
            comma_rule=self.directory.comma_rule,
            vocabulary_fingerprint=self.vocabulary.fingerprint,
        )

    def fit_preprocessing(
        self,
        *,
        max_tokens: int | None = None,
        long_documents: LongDocuments = "truncate",
        window_overlap: int = PreprocessingConfig.window_overlap,
        pair: bool = False,
    ) -> PreprocessingConfig:
        """Returns the options of preprocessing for this model.

        Args:
          max_tokens: maximum tokens per row; None means 512, or less where the model was trained with less.
          long_documents, window_overlap, pair: as in `PreprocessingConfig`.

        Raises:
          ValueError: if the model has not that many positions, takes no pairs, or an option is out of its range.
        """
        config = self.directory.config
        positions = config.max_position_embeddings
        if max_tokens is None:
            max_tokens = min(DEFAULT_MAX_TOKENS, self.directory.max_tokens)
        if max_tokens > positions:
            raise ValueError(
                f"max-tokens {max_tokens} is more than the {positions} positions that the model has; give at most "
                f"{positions}"
            )
        if pair and config.type_vocab_size < 2:
            raise ValueError("pairs of texts need a model with two segments; this one's type_vocab_size is 1")
        return PreprocessingConfig(
            lower_case=self.directory.lower_case,
            max_tokens=max_tokens,
            long_documents=long_documents,
            window_overlap=window_overlap,
            pair=pair,
        )

    def check_dimensions(self, dimensions: int | None, embeddings: Sequence[str], *, accept: bool) -> None:
        """Checks that the vectors of some embeddings may be cut (`model.architecture.vector_shape`).

        Args:
          dimensions: how many values are to be kept; None means all.
          embeddings: as `--embeddings` names them.
          accept: whether to cut vectors of a model that is not known to be trained for it.

        Raises:
          ValueError: if one may not.
        """
        if dimensions is None:
            return
        widths = {"sentence": self.directory.sentence_size}
        check_dimensions(
            dimensions,
            [(name, widths.get(name, self.directory.config.hidden_size)) for name in embeddings],
            trained=self.directory.trained_dimensions,
            model=self.name,
            accept=accept,
        )

    def save_graph(self, preprocessing: PreprocessingConfig, directory: str | None = None) -> str:
        """Saves the transform graph of this model's vocabulary, and returns where.

        Args:
          preprocessing: the options of preprocessing.
          directory: a path that every worker can read; None means a temporary folder of this machine that goes when
            this process ends.

        Raises:
          OSError: if it can't be saved.
        """
        if directory is None:
            directory = tempfile.mkdtemp(prefix="albert_embed_transform_")
            atexit.register(shutil.rmtree, directory, ignore_errors=True)
        save_transform_graph(self.vocabulary, preprocessing, directory)
        return directory


def open_model(name: str, *, sha256: str | None = None) -> OpenedModel:
    """Opens a model; its weights are not loaded.

    Args:
      name: a directory, local or remote, a TF Hub handle, or `default`.
      sha256: the fingerprint that it must have; None takes any.

    Raises:
      ValueError: if the model can't be used, is another one, or its vocabulary has another size than it was trained
        with.
    """
    path = locate_model(name)
    if sha256 is not None:
        check_fingerprint(path, name, sha256)
    directory = open_model_directory(path)
    vocabulary = directory.load_vocabulary()
    if vocabulary.size != directory.config.vocab_size:
        raise ValueError(
            f"the model {name} has vocab_size {directory.config.vocab_size:,} and a vocabulary of "
            f"{vocabulary.size:,} pieces; it was not exported with the vocabulary that it was trained with"
        )
    return OpenedModel(name=name, directory=directory, vocabulary=vocabulary)
