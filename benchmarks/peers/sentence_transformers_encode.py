"""sentence-transformers' `encode` on the CPU with its default batch size, mean pooling."""

from __future__ import annotations

from typing import Any

import numpy as np
import sentence_transformers
import torch

from benchmarks.outcome import Outcome, make_parser, print_report, read_documents


def main() -> None:
    """Embeds the corpus that the command line names."""
    parser = make_parser(__doc__)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), required=True)
    arguments = parser.parse_args()
    model = sentence_transformers.SentenceTransformer(
        str(arguments.model), device="cpu", model_kwargs={"dtype": getattr(torch, arguments.precision)}
    )
    padded_tokens = 0

    def count_tokens(module: torch.nn.Module, inputs: tuple[dict[str, Any], ...]) -> None:
        nonlocal padded_tokens
        padded_tokens += inputs[0]["input_ids"].numel()

    model[0].register_forward_pre_hook(count_tokens)
    mean = model.encode(read_documents(arguments.corpus), show_progress_bar=False)
    Outcome(mean=np.asarray(mean, np.float32)).write(arguments.outcome)
    versions = {"torch": torch.__version__, "sentence-transformers": sentence_transformers.__version__}
    print_report({"padded_tokens": padded_tokens, "versions": versions})


if __name__ == "__main__":
    main()
