"""The machine's own rate of matrix multiplication: TensorFlow's matmul at the shapes of an ALBERT layer."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import tensorflow as tf

import albert_embed.transforms  # noqa: F401  TensorFlow must start as it does in the pipeline, oneDNN included
from albert_embed.model.architecture.config import read_config
from benchmarks.flops import layer_shapes
from benchmarks.outcome import print_report

TOKENS = 4096  # rows of the left matrix: the padded tokens of a batch
_REPEATS = 7


def measure_shape(inputs: int, outputs: int, dtype: tf.DType) -> float:
    """Returns the seconds of one multiplication `[TOKENS, inputs]` x `[inputs, outputs]`, the fastest of several."""
    left = tf.cast(tf.random.stateless_normal([TOKENS, inputs], seed=(1, 2)), dtype)
    right = tf.cast(tf.random.stateless_normal([inputs, outputs], seed=(3, 4)), dtype)
    multiply = tf.function(tf.matmul)
    multiply(left, right)  # traces, and builds oneDNN's primitive
    seconds = []
    for _ in range(_REPEATS):
        started = time.perf_counter()
        multiply(left, right)
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def main() -> None:
    """Measures the precision that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), required=True)
    parser.add_argument("--huggingface", type=Path, required=True, help="the model, for its config.json")
    arguments = parser.parse_args()
    shapes = layer_shapes(read_config(arguments.huggingface / "config.json", "huggingface"))
    seconds = [measure_shape(inputs, outputs, tf.as_dtype(arguments.precision)) for inputs, outputs in shapes]
    flops = [2 * TOKENS * inputs * outputs for inputs, outputs in shapes]
    print_report(
        {
            "flops_per_second": sum(flops) / sum(seconds),
            "by_shape": {
                f"[{TOKENS}, {inputs}] x [{inputs}, {outputs}]": operations / elapsed
                for (inputs, outputs), operations, elapsed in zip(shapes, flops, seconds, strict=True)
            },
        }
    )


if __name__ == "__main__":
    main()
