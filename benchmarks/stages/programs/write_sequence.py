"""What comes after the model with `--embeddings sequence`, on one core: the model's outputs cost nothing here."""

from __future__ import annotations

import argparse
import cProfile
import functools
import tempfile
import time
from collections.abc import Collection, Mapping
from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.ml.inference.base import RunInference
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from albert_embed.model.engines.engine import Engine
from albert_embed.model.hosting.embed_batch import embed_batch
from albert_embed.model.hosting.handler import AlbertModelHandler
from albert_embed.pipeline.embed.embed_prepared import drop_text_start
from albert_embed.pipeline.formats.row_schema import RowSchema
from albert_embed.pipeline.formats.tf_examples import encode_examples
from albert_embed.pipeline.formats.tfrecord_format import TFRecordFormat
from albert_embed.pipeline.settings.embed_choices import ENCODINGS, Encoding
from albert_embed.pipeline.writers.write_shards import make_write_shards
from albert_embed.transforms.rows import columns
from albert_embed.transforms.rows.token_batches import TokenBatchConfig, TokenBuffer
from albert_embed.transforms.steps.map_or_fail import MapOrFail
from benchmarks.outcome import print_report
from benchmarks.stages.programs.one_core import Clock, use_one_core

_LONGEST = 512
_BATCH_TOKENS = 1024
_VOCABULARY_SIZE = 30000


class _FreeEngine:
    """Returns the same numbers for every batch."""

    name = "tensorflow"

    def __init__(self, hidden_size: int) -> None:
        self._hidden_size = hidden_size
        self._values = np.random.default_rng(0).standard_normal(_BATCH_TOKENS * hidden_size, np.float32)

    def run(self, inputs: Mapping[str, np.ndarray], outputs: Collection[str]) -> dict[str, np.ndarray]:
        """Returns `sequence_output` alone; see `model.engines.engine.Engine.run`."""
        shape = (*inputs[columns.INPUT_IDS].shape, self._hidden_size)
        return {columns.SEQUENCE_OUTPUT: self._values[: np.prod(shape)].reshape(shape)}


class _FreeModelHandler(AlbertModelHandler):
    """The handler with `_FreeEngine` instead of a model."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__("none", embeddings=("sequence",))
        self._hidden_size = hidden_size

    def load_model(self) -> Engine:
        """Returns the engine."""
        return _FreeEngine(self._hidden_size)


def _make_schema(hidden_size: int, encoding: Encoding) -> RowSchema:
    return RowSchema(embeddings=(columns.SEQUENCE_OUTPUT,), hidden_size=hidden_size, encoding=encoding)


@functools.cache
def make_batches(tokens: int, batch_tokens: int = _BATCH_TOKENS) -> list[pa.RecordBatch]:
    """Returns rows of `tokens` tokens or slightly more, of skewed length, cut into batches as `embed` cuts them.

    They are cached, so that making them is not measured.
    """
    generator = np.random.default_rng(0)
    lengths = np.clip(generator.lognormal(np.log(60), 1.0, size=tokens).astype(np.int64), 4, _LONGEST)
    lengths = lengths[: int(np.searchsorted(np.cumsum(lengths), tokens)) + 1]
    rows, total = len(lengths), int(lengths.sum())
    splits = np.concatenate([[0], np.cumsum(lengths)])
    ids = generator.integers(_VOCABULARY_SIZE, size=total)
    table = pa.RecordBatch.from_pydict(
        {
            columns.ID: pa.array([f"{row:032x}".encode() for row in range(rows)], pa.binary()),
            columns.TEXT_START: pa.array([b"text " * 20] * rows, pa.binary()),
            columns.CONTENT_HASH: pa.array([b"%016d" % row for row in range(rows)], pa.binary(16)),
            columns.WINDOW: pa.array(np.zeros(rows, np.int64)),
            columns.WINDOW_COUNT: pa.array(np.ones(rows, np.int64)),
            columns.WINDOW_START: pa.array(np.zeros(rows, np.int64)),
            columns.TRUNCATED: pa.array(np.zeros(rows, np.int64)),
            columns.INPUT_IDS: pa.LargeListArray.from_arrays(pa.array(splits), pa.array(ids)),
        }
    )
    buffer = TokenBuffer(TokenBatchConfig(batch_tokens=batch_tokens, max_tokens=_LONGEST))
    return [*buffer.add(table), *buffer.flush()]


def run_pipeline(tokens: int, hidden_size: int, encoding: Encoding, profile: cProfile.Profile | None = None) -> Clock:
    """Embeds and writes this many tokens through Beam, wired as in `pipeline.job.job`, and returns the time."""
    clock = Clock()
    schema = _make_schema(hidden_size, encoding)
    make_batches(tokens)
    with tempfile.TemporaryDirectory() as directory:
        pipeline = beam.Pipeline(runner=FnApiRunner())
        embedded = (
            pipeline
            | "Start" >> beam.Create([tokens])
            | "MakeBatches" >> beam.FlatMap(make_batches)
            | "RunInference" >> RunInference(_FreeModelHandler(hidden_size))
            | "DropTextStart" >> MapOrFail(drop_text_start)
        )
        _ = embedded.passed | "WriteShards" >> make_write_shards(directory, [TFRecordFormat(schema=schema)])
        with clock.measure():
            if profile is None:
                pipeline.run().wait_until_finish()
            else:
                profile.runcall(lambda: pipeline.run().wait_until_finish())
    return clock


def encode_alone(tokens: int, hidden_size: int, encoding: Encoding) -> tuple[Clock, Clock]:
    """Measures attaching the embeddings and encoding the examples, without Beam and without a file."""
    attach, encode = Clock(), Clock()
    schema = _make_schema(hidden_size, encoding)
    engine = _FreeEngine(hidden_size)
    for batch in make_batches(tokens):
        with attach.measure():
            embedded = list(embed_batch(batch, engine, ("sequence",)))
        with encode.measure():
            for rows in embedded:
                if isinstance(rows, pa.RecordBatch):
                    encode_examples(rows.drop_columns([columns.TEXT_START]), schema)
    return attach, encode


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoding", choices=ENCODINGS, required=True)
    parser.add_argument("--hidden-size", type=int, default=128)
    parser.add_argument("--tokens", type=int, default=600_000)
    parser.add_argument("--profile", type=Path, metavar="FILE", help="write the pipeline's cProfile there")
    arguments = parser.parse_args()
    use_one_core()
    few = _BATCH_TOKENS
    run_pipeline(few, arguments.hidden_size, arguments.encoding)  # warms up
    short = run_pipeline(few, arguments.hidden_size, arguments.encoding)
    long = run_pipeline(arguments.tokens, arguments.hidden_size, arguments.encoding)
    attach, encode = encode_alone(arguments.tokens, arguments.hidden_size, arguments.encoding)
    if arguments.profile is not None:
        profile = cProfile.Profile(time.process_time)
        run_pipeline(arguments.tokens, arguments.hidden_size, arguments.encoding, profile)
        profile.dump_stats(arguments.profile)
    tokens = arguments.tokens - few
    print_report(
        {
            "megabytes": tokens * arguments.hidden_size * 4 / 1e6,
            "tokens": tokens,
            "pipeline_cpu_seconds": long.cpu_seconds - short.cpu_seconds,
            "pipeline_wall_seconds": long.wall_seconds - short.wall_seconds,
            "attach_cpu_seconds": attach.cpu_seconds * tokens / arguments.tokens,
            "encode_cpu_seconds": encode.cpu_seconds * tokens / arguments.tokens,
        }
    )


if __name__ == "__main__":
    main()
