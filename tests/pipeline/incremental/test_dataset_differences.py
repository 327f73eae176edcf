"""A run that would write other rows than those that are there is refused, with every difference named."""

from __future__ import annotations

import dataclasses

import pytest

from albert_embed.pipeline.dataset.provenance import Provenance, TransformProvenance
from albert_embed.pipeline.incremental.dataset_differences import DatasetMismatchError, check_same_dataset
from tests.pipeline.made_manifest import MODEL

PROVENANCE = Provenance(
    model=dataclasses.replace(MODEL, fingerprint="f1", vocabulary_fingerprint=""),
    transform=TransformProvenance(fingerprint="t1", options={"max_tokens": 512, "long_documents": "truncate"}),
    embeddings=["pooled_output", "mean_output"],
    hidden_size=3,
    encoding="float_list",
    options={
        "sinks": ["tfrecord"],
        "tokens": False,
        "keep_fields": ["a:int64", "b"],
        "id_field": None,
        "format": "text",
    },
)


def test_the_same_options_can_add() -> None:
    options = {**PROVENANCE.options, "sinks": ("tfrecord",), "keep_fields": ("a:int64", "b"), "input": ["other.txt"]}
    model = dataclasses.replace(PROVENANCE.model, name="the same one at another place")
    check_same_dataset(PROVENANCE, dataclasses.replace(PROVENANCE, options=options, model=model), "d")


def test_every_difference_is_named_with_both_values() -> None:
    wanted = Provenance(
        model=dataclasses.replace(PROVENANCE.model, fingerprint="f2"),
        transform=TransformProvenance(
            fingerprint="t2", options={"max_tokens": 128, "long_documents": "truncate", "extra": 1}
        ),
        embeddings=["pooled_output"],
        hidden_size=3,
        encoding="float16_bytes",
        dimensions=2,
        normalized=True,
        options={
            "sinks": ("tfrecord", "parquet"),
            "tokens": True,
            "keep_fields": (),
            "id_field": "key",
            "format": "csv",
        },
    )
    with pytest.raises(DatasetMismatchError) as error:
        check_same_dataset(PROVENANCE, wanted, "/out")
    assert str(error.value) == (
        "/out was made with something else: model fingerprint: 'f1' there, 'f2' here; transform option max_tokens: 512 "
        "there, 128 here; transform fingerprint (library versions): 't1' there, 't2' here; embeddings: "
        "'pooled_output,mean_output' there, 'pooled_output' here; encoding: 'float_list' there, 'float16_bytes' here; "
        "dimensions: None there, 2 here; normalized: False there, True here; "
        "documents: 'lines' there, 'records' here; --sink: 'tfrecord' there, 'tfrecord,parquet' here; --tokens: False "
        "there, True here; --keep-fields: 'a:int64,b' there, '' here; --id-field: None there, 'key' here; transform "
        "option extra: None there, 1 here. Everything would have to be embedded again: give --rebuild, or the options, "
        "model and libraries that it was made with (a transform graph that was kept, by --transform)"
    )
