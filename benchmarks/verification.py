"""Whether a row embedded what the first row did."""

from __future__ import annotations

import dataclasses

import numpy as np

from benchmarks.outcome import Outcome
from benchmarks.tokens import Tokens

FLOAT32_TOLERANCE = 1e-3
# How near a row of another precision must be; the table has what each reached. int8 is as good as its ranges fit the
# texts: its bound only tells a wrong program.
MIN_COSINES = {"bfloat16": 0.999, "int8": 0.9}
# Where SentencePiece finds two segmentations of exactly equal score, implementations differ in which they take.
MAX_TOKENIZATION_DIFFERENCE = 0.005


@dataclasses.dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far a row's vectors are from the first row's.

    Attributes:
      agrees: whether they are near enough for the precisions compared.
      largest_difference: between any two numbers.
      smallest_cosine: between the two vectors of any document.
      documents: how many were compared.
    """

    agrees: bool
    largest_difference: float
    smallest_cosine: float
    documents: int


def compare(outcome: Outcome, reference: Outcome, *, precision: str, documents: np.ndarray) -> Agreement:
    """Compares the mean vectors, and the pooled ones where both have them.

    Args:
      outcome: of the row.
      reference: of the first row.
      precision: the lower one of the two.
      documents: bool, which documents to compare.
    """
    differences, cosines = [], []
    for name in ("mean", "pooled"):
        found, expected = getattr(outcome, name), getattr(reference, name)
        if found is None or expected is None:
            continue
        if found.shape != expected.shape:
            raise ValueError(f"the {name} vectors have the shape {found.shape}, the first row's {expected.shape}")
        found, expected = found[documents].astype(np.float64), expected[documents].astype(np.float64)
        differences.append(np.abs(found - expected).max())
        norms = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
        cosines.append(((found * expected).sum(axis=1) / norms).min())
    largest_difference, smallest_cosine = float(np.max(differences)), float(np.min(cosines))
    # Written so that a NaN, of which every comparison is false, does not agree.
    if precision == "float32":
        agrees = largest_difference <= FLOAT32_TOLERANCE
    else:
        agrees = smallest_cosine >= MIN_COSINES[precision]
    return Agreement(
        agrees=bool(agrees),
        largest_difference=largest_difference,
        smallest_cosine=smallest_cosine,
        documents=int(documents.sum()),
    )


def equal_documents(tokens: Tokens, peers_tokens: Tokens) -> np.ndarray:
    """Returns bool `[documents]`: which documents have the same ids in both.

    Raises:
      ValueError: if so many differ that exact ties don't explain it.
    """
    if len(tokens) != len(peers_tokens):
        raise ValueError(f"this project read {len(tokens)} documents, the peers' program {len(peers_tokens)}")
    equal = np.array(
        [np.array_equal(tokens[number], peers_tokens[number]) for number in range(len(tokens))], dtype=bool
    )
    different = int((~equal).sum())
    if different > max(1, MAX_TOKENIZATION_DIFFERENCE * len(tokens)):
        raise ValueError(
            f"the peers' tokenizer gives different ids for {different} of {len(tokens)} documents; "
            "the rows would not embed the same tokens"
        )
    return equal
