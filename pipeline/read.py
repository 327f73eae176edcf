"""Reads a finished output: as RecordBatches, and as a tf.data.Dataset."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from pipeline.manifest import OutputError, read_manifest
from pipeline.published_output import PublishedOutput, describe_damage, find_shards, open_published_output
from pipeline.sources.kept_fields import parse_kept_fields
from transforms.columns import TOKEN_COLUMNS, TOKEN_PIECES

# A RecordBatch is given out when it has so many bytes of tf.Examples, or so many rows.
_BATCH_BYTES = 32 << 20
_BATCH_ROWS = 1024


def read_embeddings(directory: str) -> Iterator[pa.RecordBatch]:
    """The rows of the finished output in `directory`, whatever its encoding.

    Yields:
      RecordBatches: `id` binary, `window`, `window_start`, `truncated` int64, `input_ids` large_list<int64>, with
      `--tokens` `token_pieces` large_list<binary>, `token_starts`, `token_ends` large_list<int64>, the
      embeddings as large_list<float32> (`sequence_output` row-major, `[n, hidden]` flattened), pass-through columns.

    Raises:
      OutputError: where the directory is not a finished output, or was damaged since.
    """
    with open_published_output(str(directory)) as output:
        yield from read_rows(output)


def read_rows(output: PublishedOutput) -> Iterator[pa.RecordBatch]:
    """What `read_embeddings` yields, of an output that is open."""
    import tensorflow as tf

    from pipeline.example_encoding import decode_examples

    manifest = output.manifest
    kept = parse_kept_fields(tuple(manifest.options.get("keep_fields", ())))
    examples: list[bytes] = []
    size = 0
    dataset = tf.data.TFRecordDataset(output.shard_paths)
    iterator = dataset.as_numpy_iterator()
    while True:
        try:
            example = next(iterator, None)
        except tf.errors.DataLossError as e:
            raise describe_damage(output.directory, str(e)) from e
        except tf.errors.NotFoundError as e:
            raise OutputError(f"{output.directory} was replaced while it was read; read it again: {e}") from e
        if example is None:
            break
        examples.append(example)
        size += len(example)
        if size >= _BATCH_BYTES or len(examples) >= _BATCH_ROWS:
            yield decode_examples(examples, manifest.encoding, kept)  # type: ignore[arg-type]
            examples, size = [], 0
    if examples:
        yield decode_examples(examples, manifest.encoding, kept)  # type: ignore[arg-type]


def read_embeddings_dataset(directory: str) -> Any:
    """The same rows as a `tf.data.Dataset`, one element per row.

    Each is a dict: `id` string [], `window`, `window_start`, `truncated` int64 [], `input_ids` int64 [n], with
    `--tokens` `token_pieces` string [n], `token_starts`, `token_ends` int64 [n], and of the embeddings
    `pooled_output`, `mean_output` float32 [hidden], `sequence_output` float32 [n, hidden]. Kept fields that a row lacks
    are empty strings, 0, or lists of nothing.

    Raises:
      OutputError: where the directory is not a finished output, or was damaged since. (A dataset opens its files when
        it comes to them, and again in every epoch: one that outlives its output ends with TensorFlow's NotFoundError.)
    """
    import tensorflow as tf

    manifest = read_manifest(str(directory))
    features: dict[str, Any] = {
        "id": tf.io.FixedLenFeature([], tf.string),
        "input_ids": tf.io.RaggedFeature(tf.int64),
        **{name: tf.io.FixedLenFeature([], tf.int64) for name in ("window", "window_start", "truncated")},
    }
    types = {"string": (tf.string, b""), "int64": (tf.int64, 0), "float": (tf.float32, 0.0)}
    for name, kind in parse_kept_fields(tuple(manifest.options.get("keep_fields", ()))).items():
        type_, default = types[kind.removesuffix("[]")]
        features[name] = (
            tf.io.RaggedFeature(type_) if kind.endswith("[]") else tf.io.FixedLenFeature([], type_, default)
        )
    if manifest.options.get("tokens"):
        for name in TOKEN_COLUMNS:
            features[name] = tf.io.RaggedFeature(tf.string if name == TOKEN_PIECES else tf.int64)
    for name in manifest.embeddings:
        if manifest.encoding == "float_list":
            features[name] = tf.io.RaggedFeature(tf.float32)
        else:
            features[name] = tf.io.FixedLenFeature([], tf.string)
    type_ = tf.float16 if manifest.encoding == "float16_bytes" else tf.float32

    def parse(example: Any) -> dict[str, Any]:
        row = tf.io.parse_single_example(example, features)
        for name in manifest.embeddings:
            values = row[name]
            if manifest.encoding != "float_list":
                values = tf.cast(tf.io.decode_raw(values, type_), tf.float32)
            shape = [-1, manifest.hidden_size] if name == "sequence_output" else [manifest.hidden_size]
            row[name] = tf.reshape(values, shape)
        return row

    return tf.data.TFRecordDataset(find_shards(str(directory), manifest.shards)).map(parse)


def read_failures(directory: str) -> Iterator[dict[str, Any]]:
    """The failures of the finished output in `directory`, each a dict of the fields of `transforms.failure.Failure`.

    Raises:
      OutputError: where the directory is not a finished output, or was damaged since.
    """
    with open_published_output(str(directory)) as output:
        yield from read_failure_rows(output)


def read_failure_rows(output: PublishedOutput) -> Iterator[dict[str, Any]]:
    """What `read_failures` yields, of an output that is open."""
    for path in output.failure_paths:
        with FileSystems.open(path) as file:
            for line in file.read().decode().split("\n"):
                if line:
                    yield json.loads(line)
