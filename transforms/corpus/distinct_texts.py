"""How many different texts there are: a tf.Transform analyser over their fingerprints.

It keeps only the smallest fingerprints (a bottom-k sketch, also called k minimum values). Up to `SKETCH_SIZE` distinct
texts it keeps all of them, so the number is exact. Beyond that it is estimated from the largest one kept, with a
standard error of 1 / √(SKETCH_SIZE − 2), here 0.8 %. Sketches of parts of a corpus merge into that of the whole, so
tf.Transform can cache them.

Source of the estimate: Bar-Yossef et al., Counting Distinct Elements in a Data Stream (2002); Beyer et al., On Synopses
for Distinct-Value Estimation Under Multiset Operations (2007).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from albert_embed.transforms.corpus.corpus_statistics import SKETCH_SIZE

_FINGERPRINTS = float(1 << 64)  # how many there can be


def fingerprint_texts(texts: list[tf.Tensor]) -> tf.Tensor:
    """Makes a fingerprint of each document's one or two texts: string [n] each to int64 [n] (FarmHash64)."""
    fingerprints = [tf.fingerprint(text) for text in texts]
    joined = fingerprints[0] if len(fingerprints) == 1 else tf.fingerprint(tf.concat(fingerprints, axis=1))
    return tf.bitcast(joined, tf.int64)


def count_distinct(fingerprints: tf.Tensor) -> tf.Tensor:
    """Analyses how many different fingerprints int64 [n] the whole corpus has: an int64 scalar."""
    analyzer = tft.experimental.CacheablePTransformAnalyzer(
        make_accumulators_ptransform=_MakeSketches(),
        merge_accumulators_ptransform=_MergeSketches(),
        extract_output_ptransform=_EstimateDistinct(),
        cache_coder=tft.experimental.SimpleJsonPTransformAnalyzerCacheCoder(np.int64),
    )
    (distinct,) = tft.experimental.ptransform_analyzer(
        inputs=[fingerprints],
        ptransform=analyzer,
        output_dtypes=[tf.int64],
        output_shapes=[[]],
        name="count_distinct",
    )
    return distinct


def merge_sketches(sketches: Iterable[np.ndarray]) -> np.ndarray:
    """Returns the `SKETCH_SIZE` smallest of all fingerprints, each once, in order: int64 [at most SKETCH_SIZE]."""
    merged = np.unique(np.concatenate([np.zeros(0, np.int64), *(np.asarray(part, np.int64) for part in sketches)]))
    return merged[:SKETCH_SIZE]


def estimate_distinct(sketch: np.ndarray) -> int:
    """Returns how many different fingerprints went into a sketch; exact below `SKETCH_SIZE`."""
    if len(sketch) < SKETCH_SIZE:
        return len(sketch)
    share = (float(sketch[-1]) + _FINGERPRINTS / 2) / _FINGERPRINTS  # of the range, below the largest that is kept
    return max(SKETCH_SIZE, round((SKETCH_SIZE - 1) / share))  # so many there are, at least


class _SketchFn(beam.CombineFn):
    """`merge_sketches` as a CombineFn; inputs are collected before they are sorted."""

    _PENDING = 4 * SKETCH_SIZE

    def create_accumulator(self) -> list[np.ndarray]:
        return []

    def add_input(self, parts: list[np.ndarray], sketch: np.ndarray) -> list[np.ndarray]:
        return self.compact([*parts, sketch]) if self._is_full(parts) else [*parts, sketch]

    def merge_accumulators(self, accumulators: Iterable[list[np.ndarray]]) -> list[np.ndarray]:
        return [merge_sketches(part for parts in accumulators for part in parts)]

    def compact(self, parts: list[np.ndarray]) -> list[np.ndarray]:
        return [merge_sketches(parts)]

    def extract_output(self, parts: list[np.ndarray]) -> np.ndarray:
        return merge_sketches(parts)

    def _is_full(self, parts: list[np.ndarray]) -> bool:
        return sum(len(part) for part in parts) >= self._PENDING


class _SketchStep(beam.PTransform[Any, Any]):
    """A step of the analyser.

    tf.Transform makes its cache keys from the `repr` of its steps, which by Beam's default holds an address in memory.
    """

    def __repr__(self) -> str:
        return f"{type(self).__name__}({SKETCH_SIZE})"


class _MakeSketches(_SketchStep):
    """Batches of fingerprints → one sketch."""

    def expand(self, batches: beam.PCollection[Any]) -> beam.PCollection[Any]:
        merged: beam.PCollection[Any] = (
            batches | "TakeFingerprints" >> beam.Map(_take_fingerprints) | "Sketch" >> beam.CombineGlobally(_SketchFn())  # type: ignore[no-untyped-call]  # Beam's __init__
        )
        return merged


class _MergeSketches(_SketchStep):
    """Sketches → one sketch."""

    def expand(self, sketches: beam.PCollection[Any]) -> beam.PCollection[Any]:
        merged: beam.PCollection[Any] = sketches | "Merge" >> beam.CombineGlobally(_SketchFn())  # type: ignore[no-untyped-call]  # Beam's __init__
        return merged


class _EstimateDistinct(_SketchStep):
    """One sketch → how many different fingerprints went into it."""

    def expand(self, sketch: beam.PCollection[Any]) -> beam.PCollection[Any]:
        estimate: beam.PCollection[Any] = sketch | "Estimate" >> beam.Map(_estimate)
        return estimate


def _take_fingerprints(batch: Any) -> np.ndarray:
    """Returns the one column of a batch of analyser inputs, as a sketch of that batch."""
    (fingerprints,) = batch
    return merge_sketches([np.asarray(fingerprints)])


def _estimate(sketch: np.ndarray) -> np.ndarray:
    return np.array(estimate_distinct(sketch), np.int64)
