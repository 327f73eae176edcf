"""What the host spends on each token beside the model: padding, embeddings, the columns, encoding, writing.

The engine hands out prepared arrays, and the file drops what it is given, so neither counts. Each thread has batches, a
writer and a file of its own.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from albert_embed.model.hosting.embed_batch import embed_batch
from albert_embed.model.hosting.embeddings import EMBEDDING_COLUMNS
from albert_embed.pipeline.embed.embed_prepared import drop_text_start
from albert_embed.pipeline.formats.parquet_format import ParquetFormat
from albert_embed.pipeline.formats.row_schema import RowSchema
from albert_embed.pipeline.formats.tfrecord_format import TFRecordFormat
from albert_embed.pipeline.settings.embed_choices import ENCODINGS
from albert_embed.transforms.rows import columns
from benchmarks.outcome import print_report
from benchmarks.stages.programs.write_sequence import make_batches

SINKS: dict[str, Any] = {"tfrecord": TFRecordFormat, "parquet": ParquetFormat}


class PreparedEngine:
    """Returns slices of the same arrays for every batch."""

    name = "tensorflow"

    def __init__(self, hidden_size: int, batch_tokens: int) -> None:
        self._hidden_size = hidden_size
        self._values = np.random.default_rng(0).standard_normal(batch_tokens * hidden_size, np.float32)

    def run(self, inputs: Mapping[str, np.ndarray], outputs: Collection[str]) -> dict[str, np.ndarray]:
        """Returns `outputs`; see `model.engines.engine.Engine.run`."""
        rows, length = inputs[columns.INPUT_IDS].shape
        shapes = {name: (rows, self._hidden_size) for name in outputs}
        if columns.SEQUENCE_OUTPUT in shapes:
            shapes[columns.SEQUENCE_OUTPUT] = (rows, length, self._hidden_size)  # type: ignore[assignment]
        return {name: self._values[: np.prod(shape)].reshape(shape) for name, shape in shapes.items()}


class _Nowhere:
    """A file that forgets; Arrow asks whether it is open."""

    closed = False
    size = 0

    def write(self, content: Any) -> int:
        """Counts what it is given."""
        written = memoryview(content).nbytes
        self.size += written
        return written

    def tell(self) -> int:
        """Returns how much it was given."""
        return self.size

    def flush(self) -> None:
        """Does nothing."""

    def writable(self) -> bool:
        """Says yes."""
        return True

    def readable(self) -> bool:
        """Says no."""
        return False

    def seekable(self) -> bool:
        """Says no."""
        return False

    def close(self) -> None:
        """Does nothing."""


def feed(batches: list[pa.RecordBatch], embeddings: list[str], form: Any, engine: PreparedEngine) -> int:
    """Embeds and writes `batches`, and returns the bytes that were written."""
    file = _Nowhere()
    writer = form.open_writer(file)
    for batch in batches:
        for rows in embed_batch(batch, engine, embeddings):
            kept, _ = drop_text_start(rows)
            writer.write(kept)
    writer.finish()
    return file.size


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--embeddings", required=True, help="names with commas")
    parser.add_argument("--sink", choices=sorted(SINKS), required=True)
    parser.add_argument("--encoding", choices=ENCODINGS, default="float_list")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tokens", type=int, default=400_000)
    parser.add_argument("--hidden-size", type=int, default=768)
    parser.add_argument("--batch-tokens", type=int, default=16_384)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    embeddings = arguments.embeddings.split(",")
    schema = RowSchema(
        embeddings=tuple(EMBEDDING_COLUMNS[name] for name in embeddings),
        hidden_size=arguments.hidden_size,
        encoding=arguments.encoding,
    )
    form = SINKS[arguments.sink](schema=schema)
    engine = PreparedEngine(arguments.hidden_size, arguments.batch_tokens)
    batches = make_batches(arguments.tokens, arguments.batch_tokens)
    feed(batches[:1], embeddings, form, engine)  # imports, and TensorFlow's start
    seconds, cpu_seconds = [], []
    for _ in range(arguments.rounds):
        threads = [
            threading.Thread(target=feed, args=(batches[number :: arguments.threads], embeddings, form, engine))
            for number in range(arguments.threads)
        ]
        wall, cpu = time.perf_counter(), time.process_time()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds.append(time.perf_counter() - wall)
        cpu_seconds.append(time.process_time() - cpu)
    tokens = sum(len(batch.column(columns.INPUT_IDS).flatten()) for batch in batches)
    print_report({"tokens": tokens, "seconds": min(seconds), "cpu_seconds": min(cpu_seconds)})


if __name__ == "__main__":
    main()
