"""The embeddings that a model may give: their names, their columns, and which of them it lacks."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from albert_embed.transforms.rows.columns import MEAN_OUTPUT, POOLED_OUTPUT, SENTENCE_EMBEDDING, SEQUENCE_OUTPUT

# The name of each column in --embeddings, which is also what an engine calls it; and the output of the model from which
# it is made.
EMBEDDING_COLUMNS: dict[str, str] = {
    "pooled": POOLED_OUTPUT,
    "sequence": SEQUENCE_OUTPUT,
    "mean": MEAN_OUTPUT,
    "sentence": SENTENCE_EMBEDDING,
}
_MODEL_OUTPUTS: dict[str, str] = {
    "pooled": POOLED_OUTPUT,
    "sequence": SEQUENCE_OUTPUT,
    "mean": SEQUENCE_OUTPUT,
    "sentence": SENTENCE_EMBEDDING,
}
# Why a model lacks an output.
_REASONS = {
    POOLED_OUTPUT: "it was trained without a pooler",
    SENTENCE_EMBEDDING: "it was not exported from a folder of sentence-transformers",
}


def check_embeddings(embeddings: Sequence[str]) -> tuple[str, ...]:
    """Returns `embeddings` as a tuple; raises ValueError if one is unknown or named twice, or if there is none."""
    unknown = [name for name in embeddings if name not in EMBEDDING_COLUMNS]
    if unknown or not embeddings or len(set(embeddings)) != len(embeddings):
        raise ValueError(
            f"embeddings must be one or more of {', '.join(EMBEDDING_COLUMNS)}, each once, not {list(embeddings)}"
        )
    return tuple(embeddings)


def name_outputs(embeddings: Sequence[str]) -> frozenset[str]:
    """Returns what an engine is asked for (`model.engines.engine.Engine.run`)."""
    return frozenset(EMBEDDING_COLUMNS[name] for name in embeddings)


def refuse_missing_outputs(embeddings: Sequence[str], outputs: Collection[str], model: str) -> None:
    """Raises ValueError where `embeddings` need an output that the signature `tokens` of `model` does not give."""
    present = [name for name, output in _MODEL_OUTPUTS.items() if output in outputs]
    for name in embeddings:
        if name not in present:
            output = _MODEL_OUTPUTS[name]
            raise ValueError(
                f"--embeddings {name}: the model {model} has no {output}, because {_REASONS[output]}; "
                f"choose {' or '.join(present)}"
            )
