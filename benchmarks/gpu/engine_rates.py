"""Times the engine `jax` over the corpus: on the device, and from padded arrays to vectors on the host.

python -m benchmarks.gpu.engine_rates --carry DIR --output FILE
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

from albert_embed.model.architecture.config import parse_config
from albert_embed.model.jax_engine.engine import JaxEngine
from benchmarks.gpu import shapes
from benchmarks.gpu.jax_weights import export_weights
from benchmarks.gpu.measurement import Measurement, say
from benchmarks.gpu.program_rates import DTYPES

_MEAN, _POOLED, _SEQUENCE = "mean_output", "pooled_output", "sequence_output"


def profile(call: Any, arguments: tuple[Any, ...]) -> None:
    """Prints in which kernels one call spends its time."""
    from jax.profiler import ProfileData

    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            jax.block_until_ready(call(*arguments))
        (file,) = Path(folder).rglob("*.xplane.pb")
        planes = [plane for plane in ProfileData.from_file(str(file)).planes if "GPU" in plane.name]
        spent: dict[str, list[float]] = {}
        for line in (line for plane in planes for line in plane.lines if "Stream" in line.name):
            for event in line.events:
                spent.setdefault(event.name[:80], []).append(event.duration_ns / 1e6)
    for kernel, times in sorted(spent.items(), key=lambda entry: -sum(entry[1]))[:12]:
        say(f"{sum(times):8.3f} ms {len(times):4d} x {kernel}")


def inputs_of(batch: shapes.Batch) -> dict[str, np.ndarray]:
    """Returns what an engine takes."""
    return {
        "input_ids": batch.input_ids,
        "input_mask": batch.mask,
        "segment_ids": np.zeros_like(batch.input_ids),
    }


def measure(measurement: Measurement, precision: str, attention: str, outputs: tuple[str, ...], size: int) -> None:
    """Times one way of attention for some outputs."""
    config = parse_config(measurement.fields, "huggingface")
    weights = export_weights(measurement.tensors, config.num_attention_heads, DTYPES[precision])
    engine = JaxEngine(config, weights, attention=attention, tokens=size)
    batches = list(shapes.sorted_batches(measurement.tokens, size, count_padding=False))

    def vectors_of(batch: shapes.Batch) -> dict[str, np.ndarray]:
        found = engine.run(inputs_of(batch), outputs)
        if _SEQUENCE in found:
            found[_MEAN] = found.pop(_SEQUENCE).sum(axis=1) / batch.lengths[:, np.newaxis]
        return {name.removesuffix("_output"): values for name, values in found.items()}

    started = time.perf_counter()
    vectors = shapes.collect(measurement.tokens, batches, vectors_of)
    first_pass = time.perf_counter() - started
    inputs = [inputs_of(batch) for batch in batches]
    on_host = measurement.median_seconds(lambda: [engine.run(given, outputs) for given in inputs])
    laid = [
        part
        for given in inputs
        for part in engine._layout.lay(given["input_ids"], given["segment_ids"], given["input_mask"].sum(axis=1))
    ]
    names = tuple(sorted(outputs))
    calls = [
        (engine._compiled[part.shape, names], jax.device_put((part.tokens, part.starts, part.lengths))) for part in laid
    ]
    on_device = measurement.median_seconds(
        lambda: jax.block_until_ready([call(engine._weights, *arguments) for call, arguments in calls][-1])
    )
    lengths = np.tile(measurement.tokens.lengths, shapes.REPEATS)
    tokens = float(lengths.sum())
    measurement.record(
        f"corpus, engine {precision} {attention} {'+'.join(name.removesuffix('_output') for name in names)}",
        on_device,
        tokens,
        shapes.useful_flops(measurement.fields, lengths),
        tokens_per_second_on_host=tokens / on_host,
        fill=tokens / sum(part.tokens.shape[1] for part in laid),
        compilations=engine.compilations,
        first_pass_seconds=first_pass,
        agreement=shapes.compare(vectors, measurement.expected),
    )
    if names == (_MEAN, _POOLED) and jax.default_backend() == "gpu":
        profile(calls[0][0], (engine._weights, *calls[0][1]))


def main() -> None:
    """Measures what the command line names."""
    measurement = Measurement(__doc__)
    size = measurement.options.size or shapes.TOKENS
    say(jax.devices(), jax.__version__)
    measurement.results.update(device=jax.devices()[0].device_kind, jax=jax.__version__)
    flat, padded = ("flat", "fused") if jax.default_backend() == "gpu" else ("flat_masked", "masked")
    measure(measurement, "bfloat16", flat, (_POOLED,), size)
    measure(measurement, "bfloat16", flat, (_MEAN, _POOLED), size)
    measure(measurement, "bfloat16", flat, (_SEQUENCE,), size)
    measure(measurement, "bfloat16", padded, (_POOLED,), size)
    measure(measurement, "float16", flat, (_MEAN, _POOLED), size)


if __name__ == "__main__":
    main()
