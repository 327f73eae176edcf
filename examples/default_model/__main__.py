"""Makes the default model again: texts, the teacher's vectors, vocabulary, training, checkpoint and measurements."""

from __future__ import annotations

import argparse
import json
import pickle
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from default_model import evaluation, sources, static_vectors, student, tokens, training
from default_model.teacher import Teacher, embed_training_texts
from default_model.texts import SEED, gather_texts

# Of the training texts, which are in random order, so many have the teacher's vectors.
TEACHER_TEXTS = 140_000
STATIC_SCHEDULE = training.Schedule(steps=3000, learning_rate=5e-3, tokens=16_384, seed=SEED)
SCHEDULE = training.Schedule(steps=300, learning_rate=3e-4, tokens=6144, seed=SEED)


def make_model(work: Path, corpora: Path, output: Path) -> None:
    """Makes the model in `output`; what an earlier call has left in `work` isn't done again."""
    work.mkdir(parents=True, exist_ok=True)
    texts = gather_texts(sources.unpack_packages(work / "packages"), corpora)
    vocabulary = tokens.make_vocabulary(texts.training, work / "spiece.model")
    rows = tokens.tokenize(texts.training[:TEACHER_TEXTS], vocabulary)
    teacher = Teacher()
    vectors = embed_training_texts(teacher, texts.training[:TEACHER_TEXTS], work / "teacher")
    basis = static_vectors.find_basis(vectors, student.TARGET_SIZE)
    targets = static_vectors.project(vectors, basis)
    pairs = [
        (tokens.tokenize(kind.queries, vocabulary), tokens.tokenize(kind.targets, vocabulary))
        for kind in texts.training_pairs
    ]
    small = basis[:, : student.STATIC_SIZE]
    static = static_vectors.train_vectors(
        static_vectors.start_vectors(teacher, vocabulary, rows, small),
        training.TrainingData(texts=rows, targets=static_vectors.project(vectors, small), pairs=pairs),
        STATIC_SCHEDULE,
        work / "static.npy",
    )

    def on_progress(step: int, loss: float, weights: Any) -> None:
        training.print_progress(step, loss, weights)
        (work / "weights.pickle").write_bytes(pickle.dumps(jax.tree.map(np.asarray, weights)))

    data = training.TrainingData(texts=rows, targets=targets @ student.OUTPUT_FRAME.meaning.T, pairs=pairs)
    weights = student.start_as_static(static, seed=SEED)
    weights = training.train(weights, student.embed_ids, data, SCHEDULE, on_progress)
    weights = student.silence_unknown(weights, vocabulary.unk_id)
    output.mkdir(parents=True, exist_ok=True)
    student.write_checkpoint(weights, output / "model.safetensors")
    (output / "config.json").write_text(student.describe_config())
    (output / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True, "keep_accents": False}) + "\n")
    shutil.copyfile(work / "spiece.model", output / "spiece.model")


def measure_model(work: Path, corpora: Path, model: str) -> None:
    """Measures a model, with the product's own preprocessing, and prints the card's tables."""
    from default_model.product import Product

    texts = gather_texts(sources.unpack_packages(work / "packages"), corpora)
    teacher = evaluation.remember(Teacher().embed)
    for embedding in ("mean", "pooled"):
        print(embedding)
        evaluation.print_table(texts.held_out, evaluation.remember(Product(model, embedding).embed), teacher)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one of the two steps."""
    parser = argparse.ArgumentParser(prog="python -m default_model", description=__doc__)
    parser.add_argument("step", choices=("make", "measure"))
    parser.add_argument("--work", type=Path, default=Path("build/default_model/work"), help="for what lies between")
    parser.add_argument("--corpora", type=Path, default=Path("../shared/corpora"), help="speeches and reviews")
    parser.add_argument("--model", default="default", help="make: the folder to write; measure: what --model takes")
    given = parser.parse_args(arguments)
    if given.step == "make":
        make_model(given.work, given.corpora, Path(given.model))
    else:
        measure_model(given.work, given.corpora, given.model)


if __name__ == "__main__":
    main()
