"""The ranges of `embed`'s options, and which go together; more of them in `tests.pipeline.embed.test_embed_text`."""

from __future__ import annotations

from typing import Any

import pytest

from albert_embed.pipeline.settings.embed_options import EmbedOptions

ADDS = {"incremental": True}
TABLE = {"output": "", "table": "bq:my-project:d.t", "sinks": ("bigquery",)}


def make_options(changes: dict[str, Any]) -> EmbedOptions:
    return EmbedOptions(**{"model": "m", "input": ("a.txt",), "output": "o", **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"failure_text": -1}, "--failure-text must lie between 0 and 200, not -1"),
        ({"failure_text": 201}, "--failure-text must lie between 0 and 200, not 201"),
        ({"retain": -1}, "--retain must be at least 0, not -1"),
        ({"csv_max_lines": 0}, "--csv-max-lines must be at least 1, not 0"),
        ({"max_tokens": 0}, "--max-tokens must be at least 1, not 0"),
        ({"batch_tokens": 0}, "--batch-tokens must be at least 1, not 0"),
        ({"worker_threads": 0}, "--worker-threads must be at least 1, not 0"),
        ({"streams": 0}, "--streams must be at least 1, not 0"),
        ({"dimensions": 0}, "--dimensions must be at least 1, not 0"),
        ({**ADDS, "compact_above": -0.1}, "--compact-above is -0.1: give a percentage from 0 to 100"),
        ({**ADDS, "compact_above": 130.0}, "--compact-above is 130: give a percentage from 0 to 100"),
        ({"compact_above": 30.0}, "--compact-above works only with --incremental; give both, or neither"),
        ({"rebuild": True}, "--rebuild works only with --incremental; give both, or neither"),
        ({"full_snapshot": True}, "--full-snapshot works only with --incremental; give both, or neither"),
        (
            {**ADDS, "overwrite": True},
            "--incremental adds to an output and --overwrite replaces it; to replace it give --rebuild",
        ),
        (
            {**ADDS, "compact_above": 30.0, "no_wait": True},
            "--compact-above works after the run, for which --no-wait does not wait; leave one out",
        ),
        (
            {**ADDS, "full_snapshot": True, "max_deletions": "5x"},
            "--max-deletions is '5x': give a number, or a percentage such as 1%",
        ),
        (
            {"max_deletions": "5"},
            "--max-deletions works only with --full-snapshot, which alone deletes; give both, or neither",
        ),
        ({"max_failures": "x"}, "--max-failures is 'x': give a number, or a percentage such as 1%"),
        (
            {"gpu_pool": "inference"},
            "--gpu-pool inference is about the workers that --gpu asks for; give both, or neither",
        ),
        (
            {"input": ("bq:my-project:d.t",), "format": "json"},
            "--format is json, but --input names a table; leave --format out",
        ),
        (
            {"index": True, "embeddings": ("sequence",)},
            "--index is of files with a vector for each row: give --sink tfrecord or parquet, and --embeddings mean",
        ),
        (
            {**TABLE, "index": True},
            "--index is of files with a vector for each row: give --sink tfrecord or parquet, and --embeddings mean",
        ),
        (
            {**TABLE, "vector_index": "print", "embeddings": ("sequence",)},
            "--vector-index is about vectors in a table: give --output bq:PROJECT:DATASET.TABLE, and pooled, mean or "
            "sentence among the --embeddings",
        ),
    ],
)
def test_what_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as error:
        make_options(changes)
    assert str(error.value) == message


@pytest.mark.parametrize(
    "changes",
    [
        {"failure_text": 0, "retain": 0, "worker_threads": 1, "shard_bytes": 1, "shard_seconds": 0.1},
        {"failure_text": 200, "max_failures": "0%", "gpu": "nvidia-tesla-t4", "gpu_pool": "inference"},
        {**ADDS, "compact_above": 0.0, "retain": 1},
        {**ADDS, "compact_above": 100.0, "full_snapshot": True, "max_deletions": "100%"},
        {"index": True, "embeddings": ("sequence", "document")},
        {**TABLE, "vector_index": "print", "embeddings": ("sequence", "sentence")},
    ],
)
def test_what_is_allowed(changes: dict[str, Any]) -> None:
    options = make_options(changes)
    assert {name: getattr(options, name) for name in changes} == changes
