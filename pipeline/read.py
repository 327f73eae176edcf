"""Reads a finished output: as RecordBatches, and as a tf.data.Dataset."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from pipeline.incremental.superseded_ids import SupersededIds, read_superseded_ids
from pipeline.manifest import Manifest, OutputError, read_manifest
from pipeline.published_output import (
    PublishedFile,
    PublishedOutput,
    describe_damage,
    find_published_output,
    open_published_output,
)
from pipeline.sources.kept_fields import parse_kept_fields
from transforms.columns import ID, TOKEN_COLUMNS, TOKEN_PIECES
from transforms.failure import Failure

# What a tf.data.Dataset has for a kept field that a row lacks.
_KEPT_DEFAULTS: dict[str, Any] = {"string": b"", "int64": 0, "float": 0.0}
# A RecordBatch is given out when it has so many bytes in the file, or so many rows.
_BATCH_BYTES = 32 << 20
_BATCH_ROWS = 1024


def read_embeddings(directory: str) -> Iterator[pa.RecordBatch]:
    """The rows of the finished output in `directory`, the same whatever its encoding and its sink.

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
    manifest = output.manifest
    _check_for_files(output.directory, manifest)
    kept = parse_kept_fields(tuple(manifest.options.get("keep_fields", ())))
    superseded = read_superseded(output)
    for generation, paths in group_by_generation(output.shards):
        rows = read_shards(paths, output.format, encoding=manifest.encoding, kept=kept)
        for batch in explain_damage(rows, output):
            live = superseded.find_live(batch.column(ID), generation)
            batch = batch if live is None else batch.filter(pa.array(live))
            if batch.num_rows:
                yield batch


def group_by_generation(files: Sequence[PublishedFile]) -> Iterator[tuple[int, list[str]]]:
    """(generation, its paths) one after the other, as the files stand."""
    for generation, group in itertools.groupby(files, key=lambda file: file[1]):
        yield generation, [path for path, _ in group]


def read_superseded(output: PublishedOutput) -> SupersededIds:
    """Which rows of an output are dead: 24 bytes in memory for each id of which some are.

    Raises:
      OutputError: where that can't be read.
    """
    try:
        return read_superseded_ids(output.superseded)
    except (pa.ArrowException, OSError) as e:
        raise describe_damage(output.directory, f"a list of superseded documents: {e}") from e


def explain_damage(rows: Iterator[pa.RecordBatch], output: PublishedOutput) -> Iterator[pa.RecordBatch]:
    """The rows; OutputError where a file of the output is not what was written, or has gone meanwhile."""
    while (batch := _next_batch(rows, output)) is not None:
        yield batch


def _next_batch(rows: Iterator[pa.RecordBatch], output: PublishedOutput) -> pa.RecordBatch | None:
    try:
        return next(rows, None)
    except DamagedShardError as e:
        raise describe_damage(output.directory, str(e)) from e
    except FileNotFoundError as e:
        raise OutputError(f"{output.directory} was replaced while it was read; read it again: {e}") from e


def _check_for_files(directory: str, manifest: Manifest) -> None:
    """Raises OutputError where the rows are in a table alone."""
    if manifest.bigquery is not None and not manifest.shards:
        raise OutputError(
            f"{directory} holds no files of embeddings: its rows are in {manifest.bigquery['table']}; query them there"
        )


class DamagedShardError(ValueError):
    """A shard is not what was written."""


def read_shards(
    paths: Sequence[str], format_name: str, *, encoding: str, kept: Mapping[str, str]
) -> Iterator[pa.RecordBatch]:
    """The rows of some shards, as `read_embeddings` yields them.

    Args:
      paths: where they are.
      format_name: the format they are in.
      encoding: how embeddings are written.
      kept: the fields that were passed through, with their types.

    Raises:
      DamagedShardError: where what was written can't be read again.
      FileNotFoundError: where one is not there.
    """
    if format_name == "parquet":
        return _read_parquet_shards(paths, kept)
    return _read_tfrecord_shards(paths, encoding, kept)


def _read_parquet_shards(paths: Sequence[str], kept: Mapping[str, str]) -> Iterator[pa.RecordBatch]:
    from pipeline.sinks.parquet_format import read_parquet_rows

    for path in paths:
        try:
            with _open_shard(path) as file:
                yield from read_parquet_rows(file, kept, batch_bytes=_BATCH_BYTES, batch_rows=_BATCH_ROWS)
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError) as e:
            raise DamagedShardError(f"{path}: {e}") from e


def _read_tfrecord_shards(paths: Sequence[str], encoding: str, kept: Mapping[str, str]) -> Iterator[pa.RecordBatch]:
    from pipeline.example_encoding import decode_examples

    examples: list[bytes] = []
    size = 0
    remote = any("://" in path for path in paths)
    for example in _read_remote_records(paths) if remote else _read_local_records(paths):
        examples.append(example)
        size += len(example)
        if size >= _BATCH_BYTES or len(examples) >= _BATCH_ROWS:
            yield decode_examples(examples, encoding, kept)  # type: ignore[arg-type]
            examples, size = [], 0
    if examples:
        yield decode_examples(examples, encoding, kept)  # type: ignore[arg-type]


def _read_local_records(paths: Sequence[str]) -> Iterator[bytes]:
    import tensorflow as tf

    try:
        yield from tf.data.TFRecordDataset(list(paths)).as_numpy_iterator()
    except tf.errors.DataLossError as e:
        raise DamagedShardError(str(e)) from e
    except tf.errors.NotFoundError as e:
        raise FileNotFoundError(str(e)) from e


def _read_remote_records(paths: Sequence[str]) -> Iterator[bytes]:
    """Through Beam: TensorFlow knows fewer file systems than it."""
    from pipeline.sources.open_input import BrokenFileError
    from pipeline.sources.tfrecord_records import read_frames

    for path in paths:
        with _open_shard(path) as file:
            try:
                for frame in read_frames(file, path):
                    if isinstance(frame, Failure):
                        raise DamagedShardError(frame.error)
                    yield frame[1]
            except BrokenFileError as e:
                raise DamagedShardError(f"{path}, {e}") from e


def _open_shard(path: str) -> Any:
    if "://" in path and not FileSystems.exists(path):  # each file system would say it in its own way
        raise FileNotFoundError(f"no such file: {path}")
    return FileSystems.open(path, compression_type="uncompressed")


def read_embeddings_dataset(directory: str) -> Any:
    """The same rows as a `tf.data.Dataset`, one element per row.

    Each is a dict: `id` string [], `window`, `window_start`, `truncated` int64 [], `input_ids` int64 [n], with
    `--tokens` `token_pieces` string [n], `token_starts`, `token_ends` int64 [n], and of the embeddings
    `pooled_output`, `mean_output` float32 [hidden], `sequence_output` float32 [n, hidden]. Kept fields that a row lacks
    are empty strings, 0, or lists of nothing.

    Raises:
      OutputError: where the directory is not a finished output, or was damaged since. (A dataset opens its files when
        it comes to them, and again in every epoch: one that outlives its output ends with TensorFlow's NotFoundError.
        It reads buckets by TensorFlow's own means, where it has them.)
    """
    import tensorflow as tf

    manifest = read_manifest(str(directory))
    _check_for_files(str(directory), manifest)
    output = find_published_output(str(directory), manifest)
    if output.format == "parquet":
        return _make_parquet_dataset(output)
    features: dict[str, Any] = {
        "id": tf.io.FixedLenFeature([], tf.string),
        "input_ids": tf.io.RaggedFeature(tf.int64),
        **{name: tf.io.FixedLenFeature([], tf.int64) for name in ("window", "window_start", "truncated")},
    }
    kept = parse_kept_fields(tuple(manifest.options.get("keep_fields", ())))
    for name, kind in kept.items():
        features[name] = tf.io.RaggedFeature(_kept_dtype(kind))
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
        for name, kind in kept.items():
            # A row that lacks it has a list of no values, for which TensorFlow takes no default.
            if not kind.endswith("[]"):
                row[name] = tf.concat([row[name], [_KEPT_DEFAULTS[kind]]], axis=0)[0]
        for name in manifest.embeddings:
            values = row[name]
            if manifest.encoding != "float_list":
                values = tf.cast(tf.io.decode_raw(values, type_), tf.float32)
            shape = [-1, manifest.hidden_size] if name == "sequence_output" else [manifest.hidden_size]
            row[name] = tf.reshape(values, shape)
        return row

    superseded = read_superseded(output)

    def is_live(row: dict[str, Any], generation: int) -> Any:
        def find(id_: bytes) -> np.bool_:
            live = superseded.find_live(pa.array([id_], pa.binary()), generation)
            return np.bool_(live is None or live[0])

        return tf.ensure_shape(tf.numpy_function(find, [row["id"]], tf.bool, stateful=False), [])

    # An output without rows has no files, and still a signature.
    dataset = tf.data.TFRecordDataset([]).map(parse)
    for generation, paths in group_by_generation(output.shards):
        rows = tf.data.TFRecordDataset(paths).map(parse)
        if superseded.last > generation:
            rows = rows.filter(partial(is_live, generation=generation))
        dataset = dataset.concatenate(rows)
    return dataset


def _kept_dtype(kind: str) -> Any:
    import tensorflow as tf

    return {"string": tf.string, "int64": tf.int64, "float": tf.float32}[kind.removesuffix("[]")]


def _make_parquet_dataset(output: PublishedOutput) -> Any:
    """Arrow's reader as a generator: TensorFlow reads no Parquet itself."""
    import tensorflow as tf

    manifest = output.manifest
    kept = parse_kept_fields(tuple(manifest.options.get("keep_fields", ())))
    signature = {
        "id": tf.TensorSpec([], tf.string),
        "input_ids": tf.TensorSpec([None], tf.int64),
        **{name: tf.TensorSpec([], tf.int64) for name in ("window", "window_start", "truncated")},
        **{
            name: tf.TensorSpec([None] if kind.endswith("[]") else [], _kept_dtype(kind)) for name, kind in kept.items()
        },
    }
    if manifest.options.get("tokens"):
        for name in TOKEN_COLUMNS:
            signature[name] = tf.TensorSpec([None], tf.string if name == TOKEN_PIECES else tf.int64)
    for name in manifest.embeddings:
        tokens = [None] if name == "sequence_output" else []
        signature[name] = tf.TensorSpec([*tokens, manifest.hidden_size], tf.float32)

    def generate() -> Iterator[dict[str, Any]]:
        for batch in read_rows(output):
            for number in range(batch.num_rows):
                row = {}
                for name, spec in signature.items():
                    value = batch.column(name)[number]
                    if name in manifest.embeddings:
                        row[name] = np.asarray(value.values).reshape([-1, *spec.shape[1:]])
                        continue
                    given = value.as_py()
                    if given is None:
                        given = [] if kept[name].endswith("[]") else _KEPT_DEFAULTS[kept[name]]
                    row[name] = np.array(given, spec.dtype.as_numpy_dtype)
                yield row

    return tf.data.Dataset.from_generator(generate, output_signature=signature)


def read_failures(directory: str) -> Iterator[dict[str, Any]]:
    """The failures of the finished output in `directory`, each a dict of the fields of `transforms.failure.Failure`.

    Raises:
      OutputError: where the directory is not a finished output, or was damaged since.
    """
    with open_published_output(str(directory)) as output:
        yield from read_failure_rows(output)


def read_failure_rows(output: PublishedOutput) -> Iterator[dict[str, Any]]:
    """What `read_failures` yields, of an output that is open."""
    for path, _ in output.failures:
        with FileSystems.open(path) as file:
            for line in file.read().decode().split("\n"):
                if line:
                    yield json.loads(line)
