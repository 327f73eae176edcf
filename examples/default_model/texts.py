"""Chooses what the default model is trained on, and what it is measured on and has never seen."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np

from default_model import sources

SEED = 20261126
# Of whom no speech is trained on.
_HELD_OUT_PRESIDENTS = ("Lincoln", "Roosevelt", "Kennedy", "Reagan", "Carter", "Wilson", "Obama")
_HELD_OUT_BOOK = "Ge"
_HELD_OUT_NOVEL = "PERSUASION"
_LONGEST = 90  # words of a text
_PAIR_WORDS = 30  # a text whose halves are searched for has at least so many
_PAIRS = 1000
_SENTENCE_END = re.compile(r"(?<=[.!?;])[\"')]* +(?=\S)")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pairs:
    """Texts to search with and, in the same order, the texts that should be found."""

    name: str
    queries: tuple[str, ...]
    targets: tuple[str, ...]

    def __getitem__(self, places: slice) -> Pairs:
        """Returns some of the pairs."""
        return Pairs(name=self.name, queries=self.queries[places], targets=self.targets[places])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Texts:
    """What the model is trained on, in random order, and the pairs that it is trained and measured on."""

    training: tuple[str, ...]
    training_pairs: tuple[Pairs, ...]
    held_out: tuple[Pairs, ...]


def gather_texts(unpacked: Path, corpora: Path) -> Texts:
    """Gathers all texts; the same for the same sources."""
    random = np.random.default_rng(SEED)
    training: list[str] = []
    passages: dict[str, list[str]] = {"speeches": [], "verses": [], "novel": [], "reviews": []}
    training_passages: dict[str, list[str]] = {name: [] for name in passages}
    verses: list[str] = []
    training_verses: list[str] = []
    for name, paragraph in sources.read_speeches(corpora):
        if name.split("-")[1] in _HELD_OUT_PRESIDENTS:
            passages["speeches"].append(paragraph)
        else:
            training += _cut(paragraph, random)
            training_passages["speeches"] += _cut(paragraph, None)
    for book, verse in sources.read_bible(unpacked):
        if book == _HELD_OUT_BOOK:
            verses.append(verse)
            continue
        training_verses.append(verse)
        if random.random() < 0.5:
            training.append(verse)
    passages["verses"], training_passages["verses"] = _join_twos(verses), _join_twos(training_verses)
    for title, paragraphs in sources.read_austen(unpacked).items():
        for paragraph in paragraphs:
            if title == _HELD_OUT_NOVEL:
                passages["novel"] += _cut(paragraph, None)
                continue
            training_passages["novel"] += _cut(paragraph, None)
            if random.random() < 0.7:
                training += _cut(paragraph, random)
    for number, (_, review) in enumerate(sources.read_reviews(corpora)):
        if number % 10 == 0:
            passages["reviews"] += _cut(review, None)
        else:
            training_passages["reviews"] += _cut(review, None)
            pieces = _cut(review, random)
            training += [pieces[place] for place in np.flatnonzero(random.random(len(pieces)) < 0.6)]
    meanings: list[sources.Synset] = []
    training_meanings: list[sources.Synset] = []
    for synset in sources.read_wordnet(unpacked):
        if synset.number % 20 == 0:
            meanings.append(synset)
        else:
            training_meanings.append(synset)
            word = synset.words[int(random.integers(len(synset.words)))]
            training.append(synset.definition if random.random() < 0.5 else f"{word}: {synset.definition}")
            training += synset.examples
            training += [word for word in synset.words if " " not in word or random.random() < 0.3]
    kept = sorted(set(training))
    held_out = [_split_passages(name, texts, random)[:_PAIRS] for name, texts in passages.items()]
    held_out.append(_pair_meanings(_set_apart(meanings), random)[:_PAIRS])
    order = random.permutation(len(kept))
    training_pairs = [_split_passages(name, texts, random) for name, texts in training_passages.items()]
    training_pairs.append(_pair_meanings(training_meanings, random))
    return Texts(
        training=tuple(kept[place] for place in order),
        training_pairs=tuple(training_pairs),
        held_out=tuple(held_out),
    )


def _join_twos(verses: list[str]) -> list[str]:
    return [" ".join(verses[start : start + 2]) for start in range(0, len(verses), 2)]


def _cut(text: str, random: np.random.Generator | None) -> list[str]:
    """Cuts a text into pieces of one to four sentences, of random size; without `random` into the longest pieces."""
    pieces: list[str] = []
    piece: list[str] = []
    limit = 4 if random is None else int(random.integers(1, 5))
    for sentence in _SENTENCE_END.split(text):
        words = sentence.split()
        if piece and (limit == 0 or len(piece) + len(words) > _LONGEST):
            pieces.append(" ".join(piece))
            piece, limit = [], 4 if random is None else int(random.integers(1, 5))
        piece += words[:_LONGEST]
        limit -= 1
    pieces.append(" ".join(piece))
    return [piece for piece in pieces if piece]


def _split_passages(name: str, passages: list[str], random: np.random.Generator) -> Pairs:
    """Splits passages at their middle word, in random order; those shorter than 30 words are left out."""
    long = [words[: 2 * _LONGEST] for words in (passage.split() for passage in passages) if len(words) >= _PAIR_WORDS]
    chosen = [long[place] for place in random.permutation(len(long))]
    return Pairs(
        name=name,
        queries=tuple(" ".join(words[: len(words) // 2]) for words in chosen),
        targets=tuple(" ".join(words[len(words) // 2 :]) for words in chosen),
    )


def _set_apart(synsets: list[sources.Synset]) -> list[sources.Synset]:
    """Returns the synsets whose definition holds no word that begins as one of those it defines."""
    return [
        synset
        for synset in synsets
        if not any(part.lower()[:4] in synset.definition.lower() for word in synset.words for part in word.split())
    ]


def _pair_meanings(synsets: list[sources.Synset], random: np.random.Generator) -> Pairs:
    """Pairs definitions, as queries, with the words they define, in random order."""
    chosen = [synsets[place] for place in random.permutation(len(synsets))]
    return Pairs(
        name="meanings",
        queries=tuple(synset.definition for synset in chosen),
        targets=tuple(", ".join(synset.words) for synset in chosen),
    )
