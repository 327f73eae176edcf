"""Trains the student: to point where the teacher does, to rank texts as it does, and to find the right partner."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

_TEMPERATURE = 0.05
_LENGTHS = (24, 64, 128)  # of padded rows; each is compiled once
# How much each part of the loss counts.
_RANKING, _POOLED = 0.5, 0.2

# (weights, ids int32 [texts, tokens]) → the vectors to compare, float32 [texts, size] each.
Embed = Callable[[Any, jax.Array], tuple[jax.Array, ...]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingData:
    """Texts as ids `[tokens]` each, the teacher's vectors of them `[texts, size]`, and pairs by kind of text."""

    texts: list[np.ndarray]
    targets: np.ndarray
    pairs: list[tuple[list[np.ndarray], list[np.ndarray]]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long and in what steps one training goes."""

    steps: int
    learning_rate: float
    tokens: int  # of a batch, padding included
    seed: int


def train(
    weights: Any,
    embed: Embed,
    data: TrainingData,
    schedule: Schedule,
    on_progress: Callable[[int, float, Any], None],
) -> Any:
    """Returns the trained weights. Steps towards the teacher and steps of pairs take turns.

    `on_progress` is called every 50 steps with the step, the mean loss since the last call, and the weights.
    """
    rates = optax.warmup_cosine_decay_schedule(
        0.0, schedule.learning_rate, min(100, schedule.steps // 10), schedule.steps, schedule.learning_rate / 50
    )
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(rates))
    state = optimizer.init(weights)

    @jax.jit
    def step_to_teacher(weights: Any, state: Any, ids: jax.Array, target: jax.Array) -> Any:
        def loss_of(weights: Any) -> jax.Array:
            return _teacher_loss(embed(weights, ids), target)

        loss, gradient = jax.value_and_grad(loss_of)(weights)
        updates, state = optimizer.update(gradient, state)
        return optax.apply_updates(weights, updates), state, loss

    @jax.jit
    def step_of_pairs(weights: Any, state: Any, ids: jax.Array, partners: jax.Array) -> Any:
        def loss_of(weights: Any) -> jax.Array:
            left, right = (embed(weights, side) for side in (ids, partners))
            losses = [_pair_loss(one, other) for one, other in zip(left, right, strict=True)]
            return sum(weight * loss for weight, loss in zip((1, _POOLED), losses, strict=False))

        loss, gradient = jax.value_and_grad(loss_of)(weights)
        updates, state = optimizer.update(gradient, state)
        return optax.apply_updates(weights, updates), state, loss

    random = np.random.default_rng(schedule.seed)
    batches = _teacher_batches(data, schedule.tokens, random)
    pairs = _pair_batches(data, schedule.tokens, random)
    losses = []
    for step in range(schedule.steps):
        if step % 2:
            weights, state, loss = step_of_pairs(weights, state, *next(pairs))
        else:
            weights, state, loss = step_to_teacher(weights, state, *next(batches))
        losses.append(loss)
        if (step + 1) % 50 == 0:
            on_progress(step + 1, float(np.mean(losses)), weights)
            losses = []
    return weights


def print_progress(step: int, loss: float, weights: Any) -> None:
    """Prints one line."""
    print(f"{time.strftime('%H:%M:%S')} step {step}: loss {loss:.4f}", flush=True)


def _normalize(vectors: jax.Array) -> jax.Array:
    return vectors / jnp.sqrt(jnp.square(vectors).sum(axis=-1, keepdims=True) + 1e-9)


def _teacher_loss(outputs: tuple[jax.Array, ...], target: jax.Array) -> jax.Array:
    """Returns the cosine distance to the teacher's vectors, plus how differently the batch's texts rank."""
    loss = jnp.float32(0)
    for weight, vectors in zip((1, _POOLED), (_normalize(output) for output in outputs), strict=False):
        same = jnp.eye(len(target)) * 1e9
        wanted = jax.nn.softmax(target @ target.T / _TEMPERATURE - same)
        found = jax.nn.log_softmax(vectors @ vectors.T / _TEMPERATURE - same)
        ranking = (wanted * (jnp.log(wanted + 1e-9) - found)).sum(axis=1).mean()
        loss += weight * (1 - (vectors * target).sum(axis=1).mean() + _RANKING * ranking)
    return loss


def _pair_loss(left: jax.Array, right: jax.Array) -> jax.Array:
    """Returns the cross entropy of finding each text's partner among all of the batch, both ways."""
    scores = _normalize(left) @ _normalize(right).T / _TEMPERATURE
    return -(jnp.diag(jax.nn.log_softmax(scores)) + jnp.diag(jax.nn.log_softmax(scores.T))).mean() / 2 * 0.2


def pad(rows: list[np.ndarray], length: int) -> np.ndarray:
    """Returns ids int32 `[rows, length]`, padded with 0; longer rows are cut."""
    ids = np.zeros((len(rows), length), np.int32)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = row[:length]
    return ids


def padded_length(longest: int) -> int:
    """Returns the smallest length of padded rows that holds `longest` tokens, or the largest there is."""
    return next((length for length in _LENGTHS if length >= longest), _LENGTHS[-1])


def _teacher_batches(
    data: TrainingData, tokens: int, random: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields random batches of texts of similar length, without end."""
    lengths = np.array([padded_length(len(text)) for text in data.texts])
    while True:
        batches = []
        for length in _LENGTHS:
            places = random.permutation(np.flatnonzero(lengths == length))
            rows = tokens // length
            batches += [(length, places[start : start + rows]) for start in range(0, len(places) - rows + 1, rows)]
        for number in random.permutation(len(batches)):
            length, places = batches[number]
            yield pad([data.texts[place] for place in places], length), data.targets[places].astype(np.float32)


def _pair_batches(
    data: TrainingData, tokens: int, random: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields random batches of pairs of one kind, without end; partners of passages are cut to 64 tokens."""
    shares = np.sqrt([len(left) for left, _ in data.pairs])
    while True:
        left, right = data.pairs[random.choice(len(data.pairs), p=shares / shares.sum())]
        length = padded_length(int(np.quantile([len(row) for row in left[:1000]], 0.9)))
        length = min(length, _LENGTHS[1])
        places = random.choice(len(left), min(len(left), tokens // length // 2), replace=False)
        yield pad([left[place] for place in places], length), pad([right[place] for place in places], length)
