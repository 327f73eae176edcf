"""The loop that ONNX Runtime and OpenVINO share: tokenise, sort by length, embed in batches of 32."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from benchmarks.outcome import Outcome, print_report, read_documents
from benchmarks.peers.batches import MAX_TOKENS, mean_of_tokens, pad_batches, sort_by_length

# `input_ids`, `attention_mask`, `token_type_ids`, int64 `[rows, longest]` → `last_hidden_state` and `pooler_output`.
Run = Callable[[dict[str, np.ndarray]], tuple[np.ndarray, np.ndarray]]


def embed_sorted(run: Run, *, tokenizer_file: Path, corpus: Path, outcome: Path, versions: Mapping[str, Any]) -> None:
    """Embeds every line of `corpus` and reports."""
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.enable_truncation(MAX_TOKENS)
    documents = [encoding.ids for encoding in tokenizer.encode_batch(read_documents(corpus))]
    mean: np.ndarray | None = None
    pooled: np.ndarray | None = None
    padded_tokens = 0
    for batch in pad_batches(documents, sort_by_length(documents)):
        sequence_output, pooler_output = run(
            {
                "input_ids": batch.input_ids,
                "attention_mask": batch.attention_mask,
                "token_type_ids": np.zeros_like(batch.input_ids),
            }
        )
        if mean is None or pooled is None:
            mean = np.empty((len(documents), sequence_output.shape[-1]), np.float32)
            pooled = np.empty_like(mean)
        mean[batch.documents] = mean_of_tokens(sequence_output, batch.attention_mask)
        pooled[batch.documents] = pooler_output
        padded_tokens += batch.input_ids.size
    if mean is None:
        raise ValueError(f"{corpus} holds no documents")
    Outcome(mean=mean, pooled=pooled).write(outcome)
    print_report({"padded_tokens": padded_tokens, "versions": dict(versions)})
