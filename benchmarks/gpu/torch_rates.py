"""Times Hugging Face's ALBERT in PyTorch on the same weights and batches: SDPA, compiled and not.

python -m benchmarks.gpu.torch_rates --carry DIR --output FILE
"""

from __future__ import annotations

import functools
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sentence_transformers
import torch
import transformers
from sentence_transformers import SentenceTransformer

from benchmarks.gpu import shapes
from benchmarks.gpu.measurement import Measurement, matmul_shapes, say
from benchmarks.weights import write_model

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def load_model(measurement: Measurement, precision: str) -> Any:
    """Returns `AlbertModel` with the benchmark's weights and SDPA."""
    own = {name: value for name, value in measurement.fields.items() if name not in ("architectures", "model_type")}
    config = transformers.AlbertConfig(**own)
    config._attn_implementation = "sdpa"
    model = transformers.AlbertModel(config)
    tensors = {name: torch.from_numpy(value) for name, value in measurement.tensors.items()}
    names = model.load_state_dict(tensors, strict=False)
    buffers = {"embeddings.position_ids", "embeddings.token_type_ids"}
    if names.unexpected_keys or set(names.missing_keys) - buffers:
        raise ValueError(f"the weights are not those of AlbertModel: {names}")
    return model.eval().to(device=DEVICE, dtype=getattr(torch, precision))


def median_seconds(measurement: Measurement, calls: Sequence[Callable[[], Any]]) -> float:
    """Returns the seconds of all calls in a row."""

    def run_all() -> None:
        with torch.inference_mode():
            for call in calls:
                call()
        if DEVICE == "cuda":
            torch.cuda.synchronize()

    return measurement.median_seconds(run_all)


def measure_matmul(measurement: Measurement, size: int) -> None:
    """Times a layer's multiplications over `size` tokens."""
    seconds, flops = 0.0, 0.0
    for inputs, outputs in matmul_shapes(measurement.fields):
        left = torch.randn(size, inputs, device=DEVICE, dtype=torch.bfloat16)
        right = torch.randn(inputs, outputs, device=DEVICE, dtype=torch.bfloat16)
        seconds += median_seconds(measurement, [functools.partial(torch.matmul, left, right)] * 20) / 20
        flops += 2.0 * size * inputs * outputs
    measurement.record("matmul bfloat16", seconds, size, flops)


def measure_lengths(measurement: Measurement, models: dict[str, Any], size: int) -> None:
    """Times full rows, without a mask."""
    for precision, model in models.items():
        for length in shapes.FIXED_LENGTHS if precision == "bfloat16" else shapes.FIXED_LENGTHS[-1:]:
            batches = [shapes.fixed_batch(measurement.tokens, length, seed, size) for seed in range(8)]
            ids = [torch.from_numpy(batch.input_ids).to(DEVICE).long() for batch in batches]
            calls = [functools.partial(model, input_ids=values) for values in ids]
            tokens = 8 * (size // length) * length
            flops = shapes.useful_flops(measurement.fields, np.full(tokens // length, length))
            name = f"length {length}, transformers {precision}"
            measurement.record(name, median_seconds(measurement, calls), tokens, flops)


def measure_corpus(measurement: Measurement, model: Any, name: str, size: int) -> None:
    """Times the corpus in sorted batches, each as long as its longest row, and compares what it gives."""
    batches = list(shapes.sorted_batches(measurement.tokens, size))

    def arguments(batch: shapes.Batch) -> dict[str, Any]:
        given = {"input_ids": batch.input_ids, "attention_mask": batch.mask}
        return {key: torch.from_numpy(values).to(DEVICE).long() for key, values in given.items()}

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def vectors_of(batch: shapes.Batch) -> dict[str, np.ndarray]:
        outputs = model(**arguments(batch))
        real = torch.from_numpy(batch.mask).to(DEVICE)[:, :, None]
        mean = torch.where(real > 0, outputs.last_hidden_state.float(), 0.0).sum(1) / real.sum(1)
        return {"mean": mean.cpu().numpy(), "pooled": outputs.pooler_output.float().cpu().numpy()}

    started = time.perf_counter()
    agreement = shapes.compare(shapes.collect(measurement.tokens, batches, vectors_of), measurement.expected)
    first_pass = time.perf_counter() - started
    calls = [functools.partial(model, **arguments(batch)) for batch in batches]
    lengths = np.tile(measurement.tokens.lengths, shapes.REPEATS)
    measurement.record(
        name,
        median_seconds(measurement, calls),
        float(lengths.sum()),
        shapes.useful_flops(measurement.fields, lengths),
        fill=float(lengths.sum()) / sum(batch.input_ids.size for batch in batches),
        first_pass_seconds=first_pass,
        agreement=agreement,
    )


def measure_sentence_transformers(measurement: Measurement) -> None:
    """Times `encode` over the corpus twice, tokenising included; without padding where its package flash-attn is."""
    texts = (measurement.folder / "corpus.txt").read_text(encoding="utf-8").splitlines()[: len(measurement.tokens)] * 2
    with tempfile.TemporaryDirectory() as folder:
        write_model(measurement.folder / "vocabulary.model", "base", Path(folder))
        model = SentenceTransformer(folder, device=DEVICE, model_kwargs={"dtype": torch.bfloat16})
    model[0].unpad_inputs = True  # it says where it can't
    lengths = np.tile(measurement.tokens.lengths, 2)
    for rows in (32, 512):
        model.encode(texts[:600], batch_size=rows, show_progress_bar=False)
        started = time.perf_counter()
        model.encode(texts, batch_size=rows, show_progress_bar=False)
        measurement.record(
            f"corpus, sentence-transformers {sentence_transformers.__version__} bfloat16, {rows} rows",
            time.perf_counter() - started,
            float(lengths.sum()),
            shapes.useful_flops(measurement.fields, lengths),
        )


def main() -> None:
    """Measures what the command line names."""
    measurement = Measurement(__doc__)
    size = measurement.options.size or shapes.TOKENS
    say(torch.__version__, transformers.__version__, DEVICE)
    measurement.results.update(torch=torch.__version__, transformers=transformers.__version__)
    torch.set_float32_matmul_precision("high")  # TF32, as XLA and TensorFlow have it by default
    measure_matmul(measurement, size)
    models = {precision: load_model(measurement, precision) for precision in ("bfloat16", "float16", "float32")}
    measure_lengths(measurement, models, size)
    measure_corpus(measurement, models["bfloat16"], "corpus, transformers bfloat16", size)
    compiled = torch.compile(models["bfloat16"], dynamic=True)
    measure_corpus(measurement, compiled, "corpus, transformers bfloat16 compiled", size)
    measure_sentence_transformers(measurement)


if __name__ == "__main__":
    main()
