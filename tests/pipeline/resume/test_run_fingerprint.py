"""The fingerprint of a run: each option either changes it, or is declared to shape no row."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from albert_embed.model.directory.model_directory import ModelDirectory, open_model_directory
from albert_embed.pipeline.resume.run_fingerprint import NEUTRAL, fingerprint_run
from albert_embed.pipeline.resume.run_record import list_differences
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.graph.transform_graph import describe_transform
from albert_embed.transforms.text.vocabulary import load_vocabulary

TABLE = "bq:project:dataset.table"
# Of each option, what differs from `make_options()` where it is another one; options that only go with others bring
# them. `input`, `model` and `transform` are tested by what they lead to.
CHANGES: dict[str, dict[str, Any]] = {
    "output": {"output": "elsewhere"},
    "format": {"format": "csv"},
    "csv_max_lines": {"csv_max_lines": 5},
    "include_hidden": {"include_hidden": True},
    "text_field": {"text_field": "body"},
    "id_field": {"id_field": "key"},
    "pair_field": {"pair_field": "second"},
    "keep_fields": {"keep_fields": ("year:int64",)},
    "max_failures": {"max_failures": "3"},
    "failure_text": {"failure_text": 0},
    "model_sha256": {"model_sha256": "0" * 64},
    "embeddings": {"embeddings": ("pooled", "mean")},
    "sinks": {"sinks": ("parquet",)},
    "encoding": {"encoding": "float16_bytes"},
    "dimensions": {"dimensions": 8},
    "accept_dimensions": {"dimensions": 8, "accept_dimensions": True},
    "normalize": {"normalize": True},
    "tokens": {"tokens": True},
    "max_tokens": {"max_tokens": 100},
    "long_documents": {"long_documents": "window"},
    "window_overlap": {"window_overlap": 5},
    "batch_tokens": {"batch_tokens": 4096},
    "engine": {"engine": "openvino"},
    "gpu": {"gpu": "l4"},
    "gpu_pool": {"gpu": "l4", "gpu_pool": "inference"},
    "worker_threads": {"worker_threads": 2},
    "streams": {"streams": 2},
    "shared_filesystem": {"shared_filesystem": True},
    "overwrite": {"overwrite": True},
    "incremental": {"incremental": True},
    "rebuild": {"incremental": True, "rebuild": True},
    "full_snapshot": {"incremental": True, "full_snapshot": True},
    "max_deletions": {"incremental": True, "full_snapshot": True, "max_deletions": "5"},
    "compact_above": {"incremental": True, "compact_above": 30.0},
    "table": {"table": TABLE, "sinks": ("tfrecord", "bigquery")},
    "bigquery_method": {"bigquery_method": "storage_write"},
    "vector_index": {"vector_index": "print", "table": TABLE, "sinks": ("tfrecord", "bigquery")},
    "shard_seconds": {"shard_seconds": 7.0},
    "shard_bytes": {"shard_bytes": 1000},
    "index": {"index": True},
    "retain": {"retain": 2},
    "no_wait": {"no_wait": True},
    "query": {"query": "SELECT 1", "input": ()},
}
# What is there before, where it is not the default: no sink of tables goes without a table.
BEFORE = {"table": {"table": "bq:project:dataset.other"}, "query": {"query": "SELECT 2"}}
TESTED_APART = {"input", "model", "transform"}


@pytest.fixture
def model(tiny_model: Path) -> ModelDirectory:
    """The tiny model."""
    return open_model_directory(tiny_model)


def fingerprint(
    directory: ModelDirectory, *, input_fingerprint: str | None = "files", graph_tokens: int = 20, **options: Any
) -> dict[str, Any] | None:
    """The fingerprint of a run with these options."""
    vocabulary = load_vocabulary(str(directory.vocabulary_file))
    description = describe_transform(vocabulary, PreprocessingConfig(lower_case=True, max_tokens=graph_tokens))
    given = EmbedOptions(**{"model": "model", "input": ("corpus.jsonl",), "output": "output", **options})
    return fingerprint_run(given, input_fingerprint, directory, given.engine, description)


def differences(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[str]:
    """The names of what differs."""
    assert before is not None and after is not None
    return list_differences(before, after)


def test_every_option_is_tested() -> None:
    names = {field.name for field in dataclasses.fields(EmbedOptions)}
    assert {*CHANGES, *TESTED_APART} == names


def test_only_these_options_shape_no_row() -> None:
    """A second list on purpose: whoever declares an option neutral is to say so twice."""
    where_and_when = {"output", "overwrite", "max_failures", "max_deletions", "compact_above", "vector_index", "index"}
    how = {"accept_dimensions", "batch_tokens", "gpu", "gpu_pool", "shard_seconds", "shard_bytes", "retain", "no_wait"}
    workers = {"worker_threads", "streams", "shared_filesystem"}
    safety = {"failure_text", "model_sha256"}
    assert set(NEUTRAL) == where_and_when | how | workers | safety
    assert all(NEUTRAL.values())


@pytest.mark.parametrize("name", CHANGES)
def test_an_option_changes_the_fingerprint_or_is_declared_neutral(name: str, model: ModelDirectory) -> None:
    # What an option brings with it is there before as well, so that it alone makes the difference.
    brought = {other: value for other, value in CHANGES[name].items() if other != name} | BEFORE.get(name, {})
    before, after = fingerprint(model, **brought), fingerprint(model, **CHANGES[name])
    assert differences(before, after) == ([] if name in NEUTRAL else [name])


def test_the_same_run_has_the_same_fingerprint(model: ModelDirectory) -> None:
    first = fingerprint(model)
    assert first is not None
    assert fingerprint(model, model="another name", transform="another folder", input=("c*.jsonl",)) == first


def test_what_the_input_the_model_and_the_graph_are_changes_it(model: ModelDirectory) -> None:
    before = fingerprint(model)
    assert differences(before, fingerprint(model, graph_tokens=21)) == ["transform"]
    assert differences(before, fingerprint(dataclasses.replace(model, fingerprint="f" * 64))) == ["model"]
    assert differences(before, fingerprint(model, input_fingerprint="other files")) == ["input"]


def test_where_it_can_not_be_told_whether_the_input_is_the_same_there_is_none(model: ModelDirectory) -> None:
    assert fingerprint(model, input_fingerprint=None) is None
    assert fingerprint(model, embeddings=("document",)) is None
