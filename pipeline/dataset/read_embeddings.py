"""Reads a finished output: as RecordBatches, and as a tf.data.Dataset."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.published_output import (
    PublishedFile,
    PublishedOutput,
    describe_damage,
    find_published_output,
    open_published_output,
)
from albert_embed.pipeline.dataset.tombstones import Tombstones, load_tombstones
from albert_embed.pipeline.dataset.versions import read_manifest
from albert_embed.pipeline.formats.registry import make_format
from albert_embed.pipeline.formats.row_format import RowFormat
from albert_embed.pipeline.formats.shard_file import DamagedShardError
from albert_embed.pipeline.storage.output_error import OutputError
from albert_embed.transforms.rows.columns import ID


def read_embeddings(directory: str) -> Iterator[pa.RecordBatch]:
    """Yields the rows of the finished output in `directory`, the same for every encoding and sink.

    Yields:
      RecordBatches: `id` binary, `window`, `window_start`, `truncated` int64, `input_ids` large_list<int64>, with
      `--tokens` `token_pieces` large_list<binary>, `token_starts`, `token_ends` large_list<int64>, the
      embeddings as large_list<float32> (`sequence_output` row-major, `[n, hidden]` flattened), kept fields.

    Raises:
      OutputError: if the directory is not a finished output, or was damaged since.
    """
    with open_published_output(str(directory)) as output:
        yield from read_rows(output)


def read_rows(output: PublishedOutput) -> Iterator[pa.RecordBatch]:
    """Yields what `read_embeddings` yields, from an open output."""
    manifest = output.manifest
    refuse_rows_in_table(output.directory, manifest)
    yield from read_live_rows(output.shards, make_format(output.format, manifest.row_schema), output)


def read_document_embeddings(directory: str) -> Iterator[pa.RecordBatch]:
    """Yields one row for each document of the finished output in `directory`, made with `--embeddings document`.

    Yields:
      RecordBatches: `id` binary, `windows` int64 (the number of windows), `tokens` int64 (of all windows),
      `document_output` large_list<float32> [hidden], kept fields.

    Raises:
      OutputError: if the directory is not a finished output, was damaged since, or has no such rows.
    """
    with open_published_output(str(directory)) as output:
        if output.manifest.counts.document_rows is None:
            raise OutputError(
                f"{directory} has no vectors of documents: it was made without document among its --embeddings"
            )
        yield from read_document_rows(output)


def read_document_rows(output: PublishedOutput) -> Iterator[pa.RecordBatch]:
    """Yields what `read_document_embeddings` yields, from an open output."""
    format_ = make_format(output.format, output.manifest.row_schema.of_documents())
    yield from read_live_rows(output.documents, format_, output)


def read_live_rows(
    files: Sequence[PublishedFile], format_: RowFormat, output: PublishedOutput
) -> Iterator[pa.RecordBatch]:
    """Yields the rows of some files of an output, without dead ones.

    Args:
      files: rows of windows, or of documents.
      format_: of the files.
      output: theirs.

    Raises:
      OutputError: if a file is damaged, or was removed meanwhile.
    """
    tombstones = read_tombstones(output)
    for generation, paths in group_by_generation(files):
        with explain_damage(output):
            for batch in format_.read(paths):
                live = tombstones.find_live(batch.column(ID), generation)
                batch = batch if live is None else batch.filter(pa.array(live))
                if batch.num_rows:
                    yield batch


def group_by_generation(files: Sequence[PublishedFile]) -> Iterator[tuple[int, list[str]]]:
    """Yields (generation, its paths), in the order of the files."""
    for generation, group in itertools.groupby(files, key=lambda file: file.generation):
        yield generation, [file.path for file in group]


def read_tombstones(output: PublishedOutput) -> Tombstones:
    """Reads which rows of an output are dead. It takes 24 bytes of memory for each id that has dead rows.

    Raises:
      OutputError: if the tombstones can't be read.
    """
    try:
        return load_tombstones(output.tombstones)
    except (DamagedShardError, OSError) as e:
        raise describe_damage(output.directory, f"the tombstones: {e}") from e


@contextlib.contextmanager
def explain_damage(output: PublishedOutput) -> Iterator[None]:
    """Raises OutputError if a file of the output is found damaged in the `with` block, or was removed meanwhile."""
    try:
        yield
    except DamagedShardError as e:
        raise describe_damage(output.directory, str(e)) from e
    except FileNotFoundError as e:
        raise OutputError(f"{output.directory} was replaced while it was read; read it again: {e}") from e


def refuse_rows_in_table(directory: str, manifest: Manifest) -> None:
    """Raises OutputError if the rows are only in a table."""
    if manifest.bigquery is not None and not manifest.shards:
        raise OutputError(
            f"{directory} holds no files of embeddings: its rows are in {manifest.bigquery.table}; query them there"
        )


def read_embeddings_dataset(directory: str) -> Any:
    """Returns the same rows as a `tf.data.Dataset`, one element per row.

    Each is a dict: `id` string [], `window`, `window_start`, `truncated` int64 [], `input_ids` int64 [n], with
    `--tokens` `token_pieces` string [n], `token_starts`, `token_ends` int64 [n], and of the embeddings
    `pooled_output`, `mean_output` float32 [hidden], `sequence_output` float32 [n, hidden]. Kept fields that a row lacks
    are empty strings, 0, or empty lists.

    Raises:
      OutputError: if the directory is not a finished output, or was damaged since. (A dataset opens its files when
        it comes to them, and again in every epoch: one that outlives its output ends with TensorFlow's NotFoundError.
        It reads buckets through TensorFlow's own file systems.)
    """
    import tensorflow as tf

    manifest = read_manifest(str(directory))
    refuse_rows_in_table(str(directory), manifest)
    output = find_published_output(str(directory), manifest)
    format_ = make_format(output.format, manifest.row_schema)
    tombstones = read_tombstones(output)

    def is_live(row: dict[str, Any], generation: int) -> Any:
        def find(id_: bytes) -> np.bool_:
            live = tombstones.find_live(pa.array([id_], pa.binary()), generation)
            return np.bool_(live is None or live[0])

        return tf.ensure_shape(tf.numpy_function(find, [row[ID]], tf.bool, stateful=False), [])

    dataset = format_.make_dataset([])  # an output without rows has no files, and still a signature
    for generation, paths in group_by_generation(output.shards):
        rows = format_.make_dataset(paths)
        if tombstones.last > generation:
            rows = rows.filter(partial(is_live, generation=generation))
        dataset = dataset.concatenate(rows)
    return dataset


def read_failures(directory: str) -> Iterator[dict[str, Any]]:
    """Yields the failures of the finished output in `directory`, each a dict of the fields of a `Failure`.

    Raises:
      OutputError: if the directory is not a finished output, or was damaged since.
    """
    with open_published_output(str(directory)) as output:
        yield from read_failure_rows(output)


def read_failure_rows(output: PublishedOutput) -> Iterator[dict[str, Any]]:
    """Yields what `read_failures` yields, from an open output."""
    for failures in output.failures:
        with FileSystems.open(failures.path) as file:
            for line in file.read().decode().split("\n"):
                if line:
                    yield json.loads(line)
