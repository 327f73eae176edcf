"""Static vectors of pieces, in the teacher's own directions: the student starts as their sum."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from albert_embed.transforms.text.vocabulary import WORD_START, Vocabulary
from default_model import training
from default_model.teacher import Teacher

# Frequent words say less: weights as in Arora et al., "A Simple but Tough-to-Beat Baseline for Sentence Embeddings".
_FREQUENCY = 1e-3


def find_basis(vectors: np.ndarray, size: int) -> np.ndarray:
    """Returns the directions float32 `[384, size]` that keep most of the teacher's vectors, the first the most."""
    sample = vectors[:20_000].astype(np.float64)
    return np.linalg.svd(sample.T @ sample)[2][:size].T.astype(np.float32)


def project(vectors: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Returns the vectors in these directions, float32 `[texts, size]`, normalised."""
    projected = vectors.astype(np.float32) @ basis
    return projected / np.linalg.norm(projected, axis=1, keepdims=True)


def start_vectors(teacher: Teacher, vocabulary: Vocabulary, texts: list[np.ndarray], basis: np.ndarray) -> np.ndarray:
    """Returns what the teacher says of each piece alone, weighted by frequency: float32 `[pieces, size]`."""
    vectors = teacher.embed([piece.replace(WORD_START, " ").strip() for piece in vocabulary.pieces]) @ basis
    counts = np.bincount(np.concatenate(texts), minlength=vocabulary.size)
    vectors *= (_FREQUENCY / (_FREQUENCY + counts / counts.sum()))[:, np.newaxis]
    vectors[[0, vocabulary.cls_id, vocabulary.sep_id, vocabulary.sep_id + 1]] = 0
    return vectors.astype(np.float32)


def train_vectors(
    start: np.ndarray, data: training.TrainingData, schedule: training.Schedule, path: Path
) -> np.ndarray:
    """Returns the vectors, trained as the student will be; those at `path` if they are there, else kept there."""
    if not path.exists():
        trained = training.train(jnp.asarray(start), _sum_vectors, data, schedule, training.print_progress)
        np.save(path, np.asarray(trained))
    return np.load(path)


def _sum_vectors(vectors: jax.Array, ids: jax.Array) -> tuple[jax.Array]:
    return ((vectors[ids] * (ids > 0)[..., jnp.newaxis]).sum(axis=1),)
