"""Makes an untrained ALBERT for the demo, the tests and the benchmarks. Its embeddings mean nothing."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from albert_embed.model.architecture.config import AlbertConfig
from albert_embed.model.architecture.weights import Weights, weight_shapes

# What ALBERT's own vocabulary was trained with (google-research/albert, README, "SentencePiece").
_SPECIAL_PIECES = ("[CLS]", "[SEP]", "[MASK]")
_USER_DEFINED_PIECES = ("(", ")", '"', "-", ".", "–", "£", "€")


def make_untrained_weights(config: AlbertConfig, *, seed: int) -> Weights:
    """Returns initial weights, float32: normal with deviation 0.02, biases 0, layer norms the identity."""
    generator = np.random.default_rng(seed)
    weights: dict[str, np.ndarray] = {}
    for name, shape in weight_shapes(config).items():
        if name.endswith("/gamma"):
            weights[name] = np.ones(shape, np.float32)
        elif name.endswith(("/beta", "/bias")):
            weights[name] = np.zeros(shape, np.float32)
        else:
            weights[name] = (generator.standard_normal(shape) * 0.02).astype(np.float32)
    return weights


def train_vocabulary(texts: Iterable[str], *, size: int) -> bytes:
    """Trains a SentencePiece model of `size` pieces on `texts` with ALBERT's options; the same for the same texts.

    Raises:
      RuntimeError: if the texts are too few for so many pieces.
    """
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        vocab_size=size,
        model_type="unigram",
        pad_id=0,
        unk_id=1,
        bos_id=-1,
        eos_id=-1,
        control_symbols=list(_SPECIAL_PIECES),
        user_defined_symbols=list(_USER_DEFINED_PIECES),
        character_coverage=0.9995,
        num_threads=1,
        minloglevel=2,
    )
    return model.getvalue()


def write_untrained_model(corpus: Path, output: Path, *, vocabulary_size: int = 2400, seed: int = 0) -> AlbertConfig:
    """Writes a small untrained ALBERT as a SavedModel of the model contract, its vocabulary trained on `corpus`.

    Args:
      corpus: a text file, one document per line.
      output: the directory to write; it must not hold anything.
      vocabulary_size: pieces of the vocabulary.
      seed: of the weights.
    """
    import tempfile

    import tensorflow as tf

    from albert_embed.model.architecture.encoder import AlbertEncoder
    from albert_embed.model.export.saved_model_export import Tokenization, write_saved_model
    from albert_embed.transforms.text.normalization import normalize_text

    lines = corpus.read_text(encoding="utf-8").splitlines()
    normalized = [text.decode() for text in normalize_text(tf.constant(lines), lower_case=True).numpy()]
    config = AlbertConfig(
        vocab_size=vocabulary_size,
        embedding_size=64,
        hidden_size=128,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=512,
    )
    with tempfile.TemporaryDirectory() as folder:
        vocabulary_file = Path(folder) / "untrained.model"
        vocabulary_file.write_bytes(train_vocabulary(normalized, size=vocabulary_size))
        write_saved_model(
            AlbertEncoder(config, make_untrained_weights(config, seed=seed)),
            output,
            tokenization=Tokenization(vocabulary_file=vocabulary_file, lower_case=True),
            description={"source": f"untrained, seed {seed}", "source_format": "untrained", "precision": "float32"},
        )
    return config
