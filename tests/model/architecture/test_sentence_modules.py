"""What an export says of its sentence head: written and read again, and refused where it is something else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from albert_embed.model.architecture.sentence_modules import (
    DenseLayer,
    Normalize,
    SentenceModules,
    SentenceOutline,
    read_sentence_outline,
)

DENSE = DenseLayer(kernel=np.ones((4, 2), np.float32), bias=np.zeros(2, np.float32), activation="gelu")
OUTLINE = SentenceOutline(pooling="cls", steps=("normalize", "gelu", "normalize"))


def test_round_trips(tmp_path: Path) -> None:
    modules = SentenceModules(pooling="cls", steps=(Normalize(), DENSE, Normalize()))
    assert modules.outline == OUTLINE
    assert OUTLINE.dense_steps == {1}
    (tmp_path / "outline.json").write_text(OUTLINE.to_json())
    assert read_sentence_outline(tmp_path / "outline.json") == OUTLINE


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", r"outline\.json must hold a JSON object, not list$"),
        ('{"pooling": "mean"}', r"outline\.json lacks 'steps'; export the model again$"),
        (
            '{"pooling": "max", "steps": []}',
            r"outline\.json: the pooling 'max' is unknown; known are mean, cls; export the model again",
        ),
        ('{"pooling": "mean", "steps": ["mish"]}', r": the step 'mish' is unknown; known are identity, tanh, .*, norm"),
        ('{"pooling": "mean", "steps": [{}]}', r": the step \{\} is unknown; known are identity, "),
        ('{"pooling": ["mean"], "steps": []}', r": the pooling \['mean'\] is unknown; known are mean, cls; "),
        (
            '{"pooling": "mean", "steps": 3}',
            r": 'int' object is not iterable; export the model again",
        ),
    ],
)
def test_what_is_no_outline_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "outline.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        read_sentence_outline(tmp_path / "outline.json")
