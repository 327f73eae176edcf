"""The model alone on the batches that `embed` cuts, one at a time. Only the calls of the engine are timed."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.model.architecture.config import read_config
from albert_embed.model.architecture.flops import count_batch_flops
from albert_embed.model.architecture.padded_batch import pad_batch
from albert_embed.model.directory.model_directory import read_precision
from albert_embed.model.hosting.choose_engine import load_engine
from albert_embed.model.hosting.embed_batch import attach_embeddings
from albert_embed.pipeline.launch.batch_tokens import choose_batching
from albert_embed.transforms.rows.columns import INPUT_IDS, INPUT_MASK
from albert_embed.transforms.rows.token_batches import TokenBuffer
from benchmarks.outcome import Outcome, print_report
from benchmarks.tokens import Tokens, read_tokens
from benchmarks.weights import MAX_TOKENS

_DOCUMENT = "document"
_OUTPUTS = ("pooled_output", "mean_output")


def cut_batches(tokens: Tokens, engine: str, precision: str) -> list[pa.RecordBatch]:
    """Returns the documents, with their numbers, in the batches that `embed` would cut."""
    batching = choose_batching(
        None, max_tokens=MAX_TOKENS, beam_options=PipelineOptions([]), engine=engine, precision=precision
    )
    buffer = TokenBuffer(batching)
    rows = pa.RecordBatch.from_arrays(
        [
            pa.array(np.arange(len(tokens))),
            pa.LargeListArray.from_arrays(pa.array(tokens.splits), pa.array(tokens.ids)),
        ],
        names=[_DOCUMENT, INPUT_IDS],
    )
    return [*buffer.add(rows), *buffer.flush()]


def main() -> None:
    """Embeds the tokens that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--outcome", type=Path, required=True)
    parser.add_argument("--engine", choices=("tensorflow", "openvino"), required=True)
    parser.add_argument("--tokens", type=Path, required=True)
    parser.add_argument("--huggingface", type=Path, required=True, help="the same model, for its config.json")
    arguments = parser.parse_args()
    tokens, config = read_tokens(arguments.tokens), read_config(arguments.huggingface / "config.json", "huggingface")
    batches = cut_batches(tokens, arguments.engine, read_precision(arguments.model))
    engine = load_engine(arguments.engine, arguments.model)
    engine.run(pad_batch(batches[-1].slice(0, 1)), _OUTPUTS)  # what only a first call does belongs to start-up
    vectors = {name: np.empty((len(tokens), config.hidden_size), np.float32) for name in ("mean", "pooled")}
    seconds, flops, padded_tokens = 0.0, 0, 0
    for batch in batches:
        inputs = pad_batch(batch)
        started = time.perf_counter()
        outputs = engine.run(inputs, _OUTPUTS)
        seconds += time.perf_counter() - started
        flops += count_batch_flops(config, *inputs[INPUT_IDS].shape)
        padded_tokens += inputs[INPUT_IDS].size
        embedded = attach_embeddings(batch, inputs[INPUT_MASK].astype(bool), outputs, list(vectors))
        for name, values in vectors.items():
            column = embedded.column(f"{name}_output")
            values[np.asarray(batch.column(_DOCUMENT))] = np.asarray(column.flatten()).reshape(len(column), -1)
    Outcome(mean=vectors["mean"], pooled=vectors["pooled"]).write(arguments.outcome)
    print_report({"padded_tokens": padded_tokens, "seconds": seconds, "flops": flops, "batches": len(batches)})


if __name__ == "__main__":
    main()
