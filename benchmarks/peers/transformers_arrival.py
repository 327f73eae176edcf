"""Hugging Face transformers as its documentation shows it: batches of 32 in order of arrival, padded to the longest."""

from __future__ import annotations

import numpy as np
import torch
import transformers

from benchmarks.outcome import Outcome, make_parser, print_report, read_documents
from benchmarks.peers.batches import BATCH_ROWS, MAX_TOKENS, mean_of_tokens


def main() -> None:
    """Embeds the corpus that the command line names."""
    arguments = make_parser(__doc__).parse_args()
    tokenizer = transformers.AutoTokenizer.from_pretrained(arguments.model)
    model = transformers.AlbertModel.from_pretrained(arguments.model, dtype=torch.float32).eval()
    documents = read_documents(arguments.corpus)
    mean, pooled = [], []
    padded_tokens = 0
    with torch.inference_mode():
        for start in range(0, len(documents), BATCH_ROWS):
            inputs = tokenizer(
                documents[start : start + BATCH_ROWS],
                padding=True,
                truncation=True,
                max_length=MAX_TOKENS,
                return_tensors="pt",
            )
            outputs = model(**inputs)
            mean.append(mean_of_tokens(outputs.last_hidden_state.numpy(), inputs["attention_mask"].numpy()))
            pooled.append(outputs.pooler_output.numpy())
            padded_tokens += inputs["input_ids"].numel()
    Outcome(mean=np.concatenate(mean), pooled=np.concatenate(pooled)).write(arguments.outcome)
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    print_report({"padded_tokens": padded_tokens, "versions": versions})


if __name__ == "__main__":
    main()
