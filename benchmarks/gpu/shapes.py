"""The batches that all programs compute: rows of one length, and a corpus in padded rows. NumPy only."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from benchmarks.tokens import Tokens

TOKENS = 32_768  # of a batch, padding included
REPEATS = 8  # how often the corpus is repeated: once, it would be five batches
FIXED_LENGTHS = (64, 128, 256, 512)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Batch:
    """Texts in padded rows.

    Attributes:
      input_ids: int32 `[rows, length]`.
      lengths: int32 `[rows]`; 0 for a row that only fills the shape.
      documents: the number of each row's document, int64 `[texts]`; the rows after them only fill the shape.
    """

    input_ids: np.ndarray
    lengths: np.ndarray
    documents: np.ndarray

    @property
    def mask(self) -> np.ndarray:
        """Which tokens are real, int32 `[rows, length]`; the first one of a row that only fills the shape, too."""
        real: np.ndarray = np.arange(self.input_ids.shape[1]) < np.maximum(self.lengths, 1)[:, np.newaxis]
        return real.astype(np.int32)


def fixed_batch(tokens: Tokens, length: int, seed: int, size: int = TOKENS) -> Batch:
    """Returns `size` tokens in full rows: the corpus's ids one after the other, from another place for each seed."""
    rows = size // length
    ids = np.resize(np.roll(tokens.ids, -1009 * seed), (rows, length)).astype(np.int32)
    return Batch(input_ids=ids, lengths=np.full(rows, length, np.int32), documents=np.zeros(0, np.int64))


def ladder_batches(tokens: Tokens, ladder: Sequence[int], size: int = TOKENS) -> Iterator[Batch]:
    """Yields the repeated corpus, sorted, in batches of `size` tokens whose lengths are steps of `ladder`."""
    documents, lengths = _longest_first(tokens)
    start = 0
    while start < len(documents):
        step = min(step for step in ladder if step >= lengths[start])
        below = max((other for other in ladder if other < step), default=0)
        rows = size // step
        stop = min(start + rows, int(np.searchsorted(-lengths, -below, side="left")))
        yield _pad(tokens, documents[start:stop], rows, step)
        start = stop


def sorted_batches(tokens: Tokens, size: int = TOKENS, *, count_padding: bool = True) -> Iterator[Batch]:
    """Yields the repeated corpus, sorted, in batches as long as their longest row, of at most `size` tokens."""
    documents, lengths = _longest_first(tokens)
    start = 0
    while start < len(documents):
        length = int(lengths[start])
        if count_padding:
            rows = min(size // length, len(documents) - start)
        else:
            rows = int(np.searchsorted(np.cumsum(lengths[start:]), size, side="right"))
        yield _pad(tokens, documents[start : start + rows], rows, length)
        start += rows


def _longest_first(tokens: Tokens) -> tuple[np.ndarray, np.ndarray]:
    documents = np.argsort(-np.tile(tokens.lengths, REPEATS), kind="stable") % len(tokens)
    return documents, tokens.lengths[documents]


def _pad(tokens: Tokens, documents: np.ndarray, rows: int, length: int) -> Batch:
    ids = np.zeros((rows, length), np.int32)
    lengths = np.zeros(rows, np.int32)
    for row, document in enumerate(documents.tolist()):
        values = tokens[document]
        ids[row, : len(values)] = values
        lengths[row] = len(values)
    return Batch(input_ids=ids, lengths=lengths, documents=documents)


def useful_flops(fields: Mapping[str, int], lengths: np.ndarray) -> float:
    """Returns the operations of the matrix multiplications that real tokens need, each text attending to itself.

    Args:
      fields: the model's `config.json`.
      lengths: `[texts]`.
    """
    hidden, layers = fields["hidden_size"], fields["num_hidden_layers"]
    tokens = float(lengths.sum())
    per_token = 2.0 * hidden * (4 * hidden + 2 * fields["intermediate_size"])
    attention = 4.0 * hidden * float((lengths.astype(np.float64) ** 2).sum())
    embedding = tokens * 2 * fields["embedding_size"] * hidden
    return layers * (tokens * per_token + attention) + embedding + len(lengths) * 2.0 * hidden**2


def compare(vectors: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> dict[str, tuple[float, float]]:
    """Returns the largest difference and the smallest cosine of each of `vectors` from those of the CPU."""
    found = {}
    for name, values in vectors.items():
        left, right = values[expected["documents"]], expected[name]
        cosines = (left * right).sum(1) / (np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1))
        found[name] = (float(np.abs(left - right).max()), float(cosines.min()))
    return found


def collect(
    tokens: Tokens, batches: Sequence[Batch], run: Callable[[Batch], Mapping[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """Returns the vectors of every document, float32 `[documents, hidden]`, by what `run` gives for the batches."""
    vectors: dict[str, np.ndarray] = {}
    for batch in batches:
        for name, values in run(batch).items():
            every = vectors.setdefault(name, np.zeros((len(tokens), values.shape[-1]), np.float32))
            every[batch.documents] = values[: len(batch.documents)]
    return vectors
