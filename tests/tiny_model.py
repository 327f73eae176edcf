"""Small models for the tests: they run in milliseconds, and every weight is large enough to affect the output."""

from __future__ import annotations

import dataclasses
import functools
import re
from pathlib import Path

import numpy as np

from albert_embed.model.architecture.config import AlbertConfig
from albert_embed.model.architecture.sentence_modules import SentenceModules
from albert_embed.model.architecture.weights import Weights, weight_shapes

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT / "examples" / "corpus.txt"
GOLDEN = Path(__file__).resolve().parent / "golden"
VOCABULARY_SIZE = 400

TINY = AlbertConfig(
    vocab_size=VOCABULARY_SIZE,
    embedding_size=8,
    hidden_size=16,
    num_hidden_layers=3,
    num_hidden_groups=2,
    num_attention_heads=2,
    intermediate_size=24,
    max_position_embeddings=128,
)
# The sizes of ALBERT-base.
BASE = AlbertConfig(
    vocab_size=30000,
    embedding_size=128,
    hidden_size=768,
    num_hidden_layers=12,
    num_attention_heads=12,
    intermediate_size=3072,
)


def make_weights(config: AlbertConfig, *, seed: int = 0) -> Weights:
    """Returns weights that all affect the output: no bias is 0 and no layer norm is the identity."""
    generator = np.random.default_rng(seed)
    weights = {}
    for name, shape in weight_shapes(config).items():
        centre = 1.0 if name.endswith("/gamma") else 0.0
        weights[name] = (centre + 0.2 * generator.standard_normal(shape)).astype(np.float32)
    return weights


def plain_texts() -> list[str]:
    """Returns the example corpus as lower-cased ASCII words, on which a small vocabulary can be trained."""
    text = CORPUS.read_text(encoding="utf-8").lower()
    return [" ".join(re.findall(r"[a-z0-9,.'()\"-]+", line)) for line in text.splitlines()]


@functools.cache
def vocabulary_bytes(size: int = VOCABULARY_SIZE) -> bytes:
    """Returns a SentencePiece model of `size` pieces."""
    from albert_embed.model.export.untrained import train_vocabulary

    return train_vocabulary(plain_texts(), size=size)


def write_model(
    output: Path,
    config: AlbertConfig = TINY,
    *,
    seed: int = 0,
    lower_case: bool = True,
    precision: str = "float32",
    pooler: bool = True,
    sentence: SentenceModules | None = None,
) -> None:
    """Writes an export of `config` to `output`."""
    from albert_embed.model.architecture.encoder import AlbertEncoder
    from albert_embed.model.export.saved_model_export import Tokenization, write_saved_model

    vocabulary_file = output.parent / "spiece.model"
    vocabulary_file.write_bytes(vocabulary_bytes(config.vocab_size))
    weights = make_weights(config, seed=seed)
    if not pooler:
        weights = {name: value for name, value in weights.items() if not name.startswith("pooler/")}
    write_saved_model(
        AlbertEncoder(config, weights, precision, sentence=sentence),  # type: ignore[arg-type]
        output,
        tokenization=Tokenization(vocabulary_file=vocabulary_file, lower_case=lower_case),
        description={"source": "tests", "source_format": "untrained", "precision": precision},
    )


def write_module(output: Path, config: AlbertConfig = TINY, *, seed: int = 0, lower_case: bool = True) -> None:
    """Writes the same model as a TF1 Hub module to `output`."""
    from tests.published_hub_module import write_hub_module

    vocabulary_file = output.parent / "spiece.model"
    vocabulary_file.write_bytes(vocabulary_bytes(config.vocab_size))
    write_hub_module(
        output, config, make_weights(config, seed=seed), vocabulary_file=vocabulary_file, lower_case=lower_case
    )


def make_inputs(config: AlbertConfig, lengths: list[int], *, seed: int = 0) -> dict[str, np.ndarray]:
    """Returns a padded batch of random tokens, one row for each of `lengths`."""
    generator = np.random.default_rng(seed)
    mask = (np.arange(max(lengths)) < np.array(lengths)[:, np.newaxis]).astype(np.int32)
    return {
        "input_ids": generator.integers(0, config.vocab_size, mask.shape, dtype=np.int32) * mask,
        "input_mask": mask,
        "segment_ids": generator.integers(0, config.type_vocab_size, mask.shape, dtype=np.int32) * mask,
    }


def replace(config: AlbertConfig, **changes: object) -> AlbertConfig:
    """Returns `config` with other values."""
    return dataclasses.replace(config, **changes)  # type: ignore[arg-type]
