"""A run that would write other rows than those that are there is refused, with every difference named."""

from __future__ import annotations

from typing import Any

import pytest

from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.incremental.dataset_differences import DatasetMismatchError, check_same_dataset

FIELDS: dict[str, Any] = {
    "model": {"name": "m", "fingerprint": "f1", "precision": "float32"},
    "transform": {"fingerprint": "t1", "options": {"max_tokens": 512, "long_documents": "truncate"}},
    "embeddings": ["pooled_output", "mean_output"],
    "encoding": "float_list",
    "options": {
        "sinks": ["tfrecord"],
        "tokens": False,
        "keep_fields": ["a:int64", "b"],
        "id_field": None,
        "format": "text",
    },
}


def make_manifest() -> Manifest:
    empty: dict[str, Any] = {"counts": {}, "failures_by_reason": {}, "measured": {}, "versions": {}}
    lists: dict[str, Any] = {
        name: [] for name in Manifest.__dataclass_fields__ if name.endswith("shards") or name == "generations"
    }
    return Manifest(created="now", hidden_size=3, **empty, **lists, **FIELDS)


def test_the_same_options_can_add() -> None:
    options = {**FIELDS["options"], "sinks": ("tfrecord",), "keep_fields": ("a:int64", "b"), "input": ["other.txt"]}
    model = {**FIELDS["model"], "name": "the same one at another place"}
    check_same_dataset(make_manifest(), {**FIELDS, "options": options, "model": model}, "d")


def test_every_difference_is_named_with_both_values() -> None:
    wanted = {
        "model": {"fingerprint": "f2"},
        "transform": {"fingerprint": "t2", "options": {"max_tokens": 128, "long_documents": "truncate", "extra": 1}},
        "embeddings": ["pooled_output"],
        "encoding": "float16_bytes",
        "options": {
            "sinks": ("tfrecord", "parquet"),
            "tokens": True,
            "keep_fields": (),
            "id_field": "key",
            "format": "csv",
        },
    }
    with pytest.raises(DatasetMismatchError) as error:
        check_same_dataset(make_manifest(), wanted, "/out")
    assert str(error.value) == (
        "/out was made with something else: model fingerprint: 'f1' there, 'f2' here; transform option max_tokens: 512 "
        "there, 128 here; transform fingerprint (library versions): 't1' there, 't2' here; embeddings: "
        "'pooled_output,mean_output' there, 'pooled_output' here; encoding: 'float_list' there, 'float16_bytes' here; "
        "documents: 'lines' there, 'records' here; --sink: 'tfrecord' there, 'tfrecord,parquet' here; --tokens: False "
        "there, True here; --keep-fields: 'a:int64,b' there, '' here; --id-field: None there, 'key' here; transform "
        "option extra: None there, 1 here. Everything would have to be embedded again: give --rebuild, or the options, "
        "model and libraries that it was made with (a transform graph that was kept, by --transform)"
    )
