"""Measures the default model on texts that it wasn't trained on, beside word overlap, chance and the teacher."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Sequence

import bm25s
import numpy as np
import scipy.sparse
import scipy.stats

from default_model.texts import Pairs

# Texts → vectors float32 [texts, size], normalised.
Embed = Callable[[Sequence[str]], np.ndarray]
_WORD = re.compile(r"[a-z0-9]+")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measured:
    """How one way of scoring finds partners: the share that it puts first, and the mean reciprocal rank."""

    first: float
    reciprocal_rank: float


def measure(scores: np.ndarray) -> Measured:
    """Measures scores `[queries, targets]`, whose partners are on the diagonal. Ties count as the middle of them."""
    own = np.diag(scores)[:, np.newaxis]
    ranks = 1 + (scores > own).sum(axis=1) + ((scores == own).sum(axis=1) - 1) / 2
    return Measured(first=float((ranks < 1.5).mean()), reciprocal_rank=float((1 / ranks).mean()))


def score_by_bm25(pairs: Pairs) -> np.ndarray:
    """Returns BM25's scores `[queries, targets]`, English stop words left out."""
    index = bm25s.BM25()
    index.index(bm25s.tokenize(list(pairs.targets), stopwords="en", show_progress=False), show_progress=False)
    queries = bm25s.tokenize(list(pairs.queries), stopwords="en", show_progress=False, return_ids=False)
    nothing = np.zeros(len(pairs.targets), np.float32)
    return np.stack([index.get_scores(query) if query else nothing for query in queries])


def score_by_tfidf(pairs: Pairs) -> np.ndarray:
    """Returns the cosines of tf-idf vectors of words, `[queries, targets]`; idf is that of the targets."""
    words = {word: place for place, word in enumerate(sorted(set(_WORD.findall(" ".join(pairs.targets).lower()))))}
    queries, targets = (_count_words(side, words) for side in (pairs.queries, pairs.targets))
    idf = np.log(len(pairs.targets) / (1 + np.asarray((targets > 0).sum(axis=0)).ravel())) + 1
    queries, targets = (_normalize_rows(side.multiply(idf).tocsr()) for side in (queries, targets))
    return np.asarray((queries @ targets.T).todense())


def drop_shared_words(pairs: Pairs) -> Pairs:
    """Returns the pairs, each query without the words that are in its partner; without queries that are empty then."""
    kept = []
    for query, target in zip(pairs.queries, pairs.targets, strict=True):
        shared = set(_WORD.findall(target.lower()))
        words = [word for word in query.split() if not shared & set(_WORD.findall(word.lower()))]
        if words:
            kept.append((" ".join(words), target))
    return Pairs(
        name=f"{pairs.name}, no shared word",
        queries=tuple(query for query, _ in kept),
        targets=tuple(target for _, target in kept),
    )


def remember(embed: Embed) -> Embed:
    """Returns `embed`, which then embeds each text once."""
    known: dict[str, np.ndarray] = {}

    def embed_new(texts: Sequence[str]) -> np.ndarray:
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            known.update(zip(new, embed(new), strict=True))
        return np.stack([known[text] for text in texts])

    return embed_new


def print_table(held_out: Sequence[Pairs], model: Embed, teacher: Embed) -> None:
    """Prints the table of the model card: of each way, how often it puts the partner first, and its reciprocal rank."""
    print("| texts | queries | chance | tf-idf | BM25 | **this model** | the teacher | Spearman |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    passages = [pairs for pairs in held_out if pairs.name != "meanings"]  # whose partners share no word anyway
    for pairs in [*held_out, *(drop_shared_words(pairs) for pairs in passages)]:
        vectors = [[embed(side) for side in (pairs.queries, pairs.targets)] for embed in (model, teacher)]
        scores = [queries @ targets.T for queries, targets in vectors]
        found = [score_by_tfidf(pairs), score_by_bm25(pairs), *scores]
        cells = [f"{100 * measure(each).first:.1f} / {measure(each).reciprocal_rank:.3f}" for each in found]
        count = len(pairs.targets)
        chance = f"{100 / count:.1f} / {(1 / np.arange(1, count + 1)).mean():.3f}"
        agreement = scipy.stats.spearmanr(scores[0].ravel(), scores[1].ravel()).statistic
        print(f"| {pairs.name} | {count:,} | {chance} | {' | '.join(cells)} | {agreement:.2f} |", flush=True)


def _count_words(texts: Sequence[str], words: dict[str, int]) -> scipy.sparse.csr_matrix:
    counts = scipy.sparse.lil_matrix((len(texts), len(words)))
    for row, text in enumerate(texts):
        for word, count in Counter(_WORD.findall(text.lower())).items():
            if word in words:
                counts[row, words[word]] = count
    return counts.tocsr()


def _normalize_rows(matrix: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return scipy.sparse.diags(1 / np.maximum(lengths, 1e-9)) @ matrix
