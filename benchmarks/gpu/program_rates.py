"""Times the exported encoder's own program, compiled by XLA, and the machine's matrix multiplication.

python -m benchmarks.gpu.program_rates --carry DIR --output FILE
"""

from __future__ import annotations

import concurrent.futures
import json
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.gpu import shapes
from benchmarks.gpu.exported_program import load_program
from benchmarks.gpu.jax_weights import by_variable, export_weights
from benchmarks.gpu.measurement import Measurement, matmul_shapes, say

DTYPES: dict[str, Any] = {"bfloat16": jnp.bfloat16, "float16": np.float16, "float32": np.float32}


def measure_matmul(measurement: Measurement, size: int) -> None:
    """Times a layer's multiplications over `size` tokens in every precision."""
    for precision, dtype in DTYPES.items():
        seconds, flops = 0.0, 0.0
        for inputs, outputs in matmul_shapes(measurement.fields):
            left = jax.random.normal(jax.random.PRNGKey(0), (size, inputs), jnp.float32).astype(dtype)
            right = jax.random.normal(jax.random.PRNGKey(1), (inputs, outputs), jnp.float32).astype(dtype)
            multiply = jax.jit(jnp.matmul)

            def repeat(multiply: Any = multiply, left: Any = left, right: Any = right) -> None:
                jax.block_until_ready([multiply(left, right) for _ in range(20)])

            seconds += measurement.median_seconds(repeat) / 20
            flops += 2.0 * size * inputs * outputs
        measurement.record(f"matmul {precision}", seconds, size, flops)


class _Program:
    """One compiled shape."""

    def __init__(self, measurement: Measurement, entry: dict[str, Any], weights: dict[str, Any]) -> None:
        named = by_variable(weights)
        self.weights = [named[name] for name in entry["weights"]]
        rows, length, hidden = entry["rows"], entry["length"], measurement.fields["hidden_size"]
        arguments = [jax.ShapeDtypeStruct((rows, length), jnp.int32)] * 3
        arguments += [jax.ShapeDtypeStruct(value.shape, value.dtype) for value in self.weights]
        outputs = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((rows, hidden), (rows, length, hidden))]
        call = load_program(measurement.folder / entry["file"], outputs, arguments)
        self.call = jax.jit(call).lower(*arguments).compile()

    def start(self, batch: shapes.Batch) -> Any:
        """Returns the inputs of `batch`, on the device."""
        return jax.device_put((batch.input_ids, batch.mask, np.zeros_like(batch.input_ids)))

    def run(self, inputs: Any) -> Any:
        """Returns `pooled_output` and `sequence_output`."""
        return self.call(*inputs, *self.weights)


def measure_corpus(measurement: Measurement, programs: dict[int, _Program], size: int) -> None:
    """Times the corpus in batches of the compiled lengths, and compares what it gives."""
    batches = list(shapes.ladder_batches(measurement.tokens, sorted(programs), size))

    def vectors_of(batch: shapes.Batch) -> dict[str, np.ndarray]:
        program = programs[batch.input_ids.shape[1]]
        pooled, sequence = program.run(program.start(batch))
        real = batch.mask[:, :, np.newaxis]
        return {"pooled": np.asarray(pooled), "mean": (np.asarray(sequence) * real).sum(1) / real.sum(1)}

    agreement = shapes.compare(shapes.collect(measurement.tokens, batches, vectors_of), measurement.expected)
    started = [(programs[batch.input_ids.shape[1]], batch) for batch in batches]
    inputs = [(program, program.start(batch)) for program, batch in started]
    lengths = np.tile(measurement.tokens.lengths, shapes.REPEATS)
    seconds = measurement.median_seconds(
        lambda: jax.block_until_ready([program.run(arguments) for program, arguments in inputs][-1])
    )
    fill = float(lengths.sum()) / sum(batch.input_ids.size for batch in batches)
    flops = shapes.useful_flops(measurement.fields, lengths)
    measurement.record("corpus, program bfloat16", seconds, float(lengths.sum()), flops, fill=fill, agreement=agreement)


def measure_lengths(measurement: Measurement, programs: dict[tuple[str, int], _Program], size: int) -> None:
    """Times full rows of each compiled length."""
    for (precision, length), program in programs.items():
        inputs = [program.start(shapes.fixed_batch(measurement.tokens, length, seed, size)) for seed in range(8)]

        def run_all(program: _Program = program, inputs: Sequence[Any] = inputs) -> None:
            jax.block_until_ready([program.run(arguments) for arguments in inputs][-1])

        tokens = 8 * (size // length) * length
        flops = shapes.useful_flops(measurement.fields, np.full(tokens // length, length))
        measurement.record(f"length {length}, program {precision}", measurement.median_seconds(run_all), tokens, flops)


def main() -> None:
    """Measures what the command line names."""
    measurement = Measurement(__doc__)
    size = measurement.options.size or shapes.TOKENS
    say(jax.devices(), jax.__version__)
    measurement.results.update(device=jax.devices()[0].device_kind, jax=jax.__version__)
    measure_matmul(measurement, size)
    heads = measurement.fields["num_attention_heads"]
    weights = {
        name: jax.device_put(export_weights(measurement.tensors, heads, dtype)) for name, dtype in DTYPES.items()
    }
    entries = json.loads((measurement.folder / "programs.json").read_text(encoding="utf-8"))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        compiled = pool.map(lambda entry: _Program(measurement, entry, weights[entry["precision"]]), entries)
        programs = {
            (entry["precision"], entry["length"]): program for entry, program in zip(entries, compiled, strict=True)
        }
    say("compiled", len(programs), "programs")
    measure_lengths(measurement, programs, size)
    bfloat16 = {length: program for (precision, length), program in programs.items() if precision == "bfloat16"}
    measure_corpus(measurement, bfloat16, size)


if __name__ == "__main__":
    main()
