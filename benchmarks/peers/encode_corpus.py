"""`encode_corpus`: embeds a corpus with a loaded model of sentence-transformers, and counts padded tokens."""

from __future__ import annotations

import argparse
from types import ModuleType
from typing import Any

import numpy as np
import sentence_transformers

from benchmarks.outcome import Outcome, print_report, read_documents


def encode_corpus(model: Any, arguments: argparse.Namespace, library: ModuleType) -> None:
    """Embeds the corpus that the command line names, and writes the outcome.

    Args:
      model: a `SentenceTransformer`.
      arguments: of the command line (`benchmarks.outcome.make_parser`).
      library: what executes the model, whose version is reported.
    """
    padded_tokens = 0

    def count_tokens(module: Any, inputs: tuple[dict[str, Any], ...]) -> None:
        nonlocal padded_tokens
        padded_tokens += inputs[0]["input_ids"].numel()

    model[0].register_forward_pre_hook(count_tokens)
    mean = model.encode(read_documents(arguments.corpus), show_progress_bar=False)
    Outcome(mean=np.asarray(mean, np.float32)).write(arguments.outcome)
    versions = {
        library.__name__: library.__version__,
        "sentence-transformers": sentence_transformers.__version__,
    }
    print_report({"padded_tokens": padded_tokens, "versions": versions})
