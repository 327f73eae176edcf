"""`EmbedText` in a pipeline of one's own, as its docstring has it, and `EmbedOptions` beside it."""

from __future__ import annotations

import inspect
import json
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that

from albert_embed import EmbedText
from albert_embed.model.directory.model_directory import ModelDirectoryError, open_model_directory
from albert_embed.model.hosting.handler import AlbertModelHandler
from albert_embed.pipeline.records.content_id import content_id
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.graph.transform_graph import save_transform_graph
from albert_embed.transforms.rows.token_batches import TokenBatchConfig
from albert_embed.transforms.steps.failure import Failure
from albert_embed.transforms.text.vocabulary import load_vocabulary
from tests.pipeline.reference import Reference

DOCUMENTS = [
    pa.RecordBatch.from_pydict(
        {
            "id": pa.array([b"a", None, b"c"], pa.binary()),
            "text": pa.array([b"Hello, world", b"\xff bad", "d\u00e9j\u00e0 vu".encode()], pa.binary()),
            "year": pa.array([1999, 2000, None]),
            "tags": pa.array([["x", "y"], [], None], pa.list_(pa.string())),
        }
    ),
    pa.RecordBatch.from_pydict(
        {
            "id": pa.array([None, b"e"], pa.binary()),
            "text": pa.array([b"no id " * 30, None], pa.binary()),
            "year": pa.array([1, 2]),
            "tags": pa.array([["z"], None], pa.list_(pa.string())),
        }
    ),
]


@pytest.fixture(scope="module")
def graph(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A transform graph for the tiny model, rows of at most 20 tokens."""
    directory = str(tmp_path_factory.mktemp("graph") / "transform")
    vocabulary = load_vocabulary(str(open_model_directory(tiny_model).vocabulary_file))
    save_transform_graph(vocabulary, PreprocessingConfig(lower_case=True, max_tokens=20), directory)
    return directory


@pytest.mark.parametrize("reshuffle_batches", [False, True])
def test_in_a_pipeline_of_ones_own(tiny_model: Path, graph: str, reshuffle_batches: bool) -> None:
    def check_rows(batches: list[pa.RecordBatch]) -> None:
        reference = Reference(tiny_model)  # here: a loaded model can't be pickled
        rows = {row["id"]: row for batch in batches for row in batch.to_pylist()}
        texts = {b"a": "Hello, world", b"c": "déjà vu", content_id(b"no id " * 30): "no id " * 30}
        assert rows.keys() == texts.keys()
        for name, text in texts.items():
            reference.assert_row(rows[name], reference.frame(text, 20))
        assert [(row["year"], row["tags"], row["truncated"]) for row in rows.values()] == [
            {b"a": (1999, ["x", "y"], 0), b"c": (None, None, 0)}.get(name, (1, ["z"], 1)) for name in rows
        ]
        for batch in batches:
            assert set(batch.schema.names) == {
                *("id", "year", "tags", "window", "window_start", "truncated", "input_ids"),
                *("content_hash", "window_count"),
                *("pooled_output", "mean_output"),
            }

    def check_failures(failures: list[Failure]) -> None:
        assert sorted((failure.id, failure.stage, failure.reason) for failure in failures) == sorted(
            [(content_id(b"\xff bad"), "preprocess", "invalid UTF-8"), (b"e", "preprocess", "missing text")]
        )

    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        embedded = (
            pipeline
            | beam.Create(DOCUMENTS)
            | EmbedText(
                transform_directory=graph,
                handler=AlbertModelHandler(str(tiny_model), embeddings=["pooled", "mean"]),
                batching=TokenBatchConfig(batch_tokens=64, max_tokens=20),
                reshuffle_batches=reshuffle_batches,
            )
        )
        assert_that(embedded["embeddings"], check_rows, label="rows")
        assert_that(embedded["failures"], check_failures, label="failures")


def test_vectors_are_cut_and_scaled(tiny_model: Path) -> None:
    def check_rows(batches: list[pa.RecordBatch]) -> None:
        reference = Reference(tiny_model)
        rows = [row for batch in batches for row in batch.to_pylist()]
        assert [row["id"] for row in rows] == [b"a"]
        expected = reference.embed(rows[0]["input_ids"])
        for name in ("pooled_output", "mean_output", "sequence_output"):
            first = expected[name].reshape(-1, 16)[:, :4]
            first = first / np.linalg.norm(first, axis=1, keepdims=True)
            np.testing.assert_allclose(np.float32(rows[0][name]), first.ravel(), atol=1e-5, err_msg=name)

    step = EmbedText.for_model(
        str(tiny_model),
        embeddings=["pooled", "mean", "sequence"],
        dimensions=4,
        accept_dimensions=True,
        normalize=True,
    )
    documents = pa.RecordBatch.from_pydict({"id": ["a"], "text": ["Hello, world"]})
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        assert_that((pipeline | beam.Create([documents]) | step)["embeddings"], check_rows)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dimensions": 4}, r"^--dimensions 4: nothing that was published with .* --accept-dimensions cuts them all"),
        ({"dimensions": 17}, r"^--dimensions is 17, but the vectors of --embeddings pooled have 16 values; give at mo"),
        ({"dimensions": 0}, r"^--dimensions must be at least 1, not 0$"),
    ],
)
def test_vectors_that_can_not_be_cut(tiny_model: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EmbedText.for_model(str(tiny_model), **options)


def run_example(model: Path) -> str:
    """Returns what the docstring's example prints, run as a program of its own, with `model` for its model."""
    example = inspect.cleandoc(EmbedText.__doc__ or "").split("Example::")[1].split("`for_model`")[0]
    program = textwrap.dedent(example.strip("\n")).replace('"albert_base"', repr(str(model)))
    assert repr(str(model)) in program
    # Without an argument Beam looks for another runner, which it downloads.
    program = program.replace("beam.Pipeline()", 'beam.Pipeline(runner="FnApiRunner")')
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.integration
def test_the_example_of_the_docstring_runs(tiny_model: Path) -> None:
    printed = run_example(tiny_model)
    assert printed.startswith("pyarrow.RecordBatch") and "pooled_output" in printed and "mean_output" in printed


def test_the_step_for_a_model_has_what_the_model_asks_for(tiny_model: Path, tmp_path: Path) -> None:
    directory = tmp_path / "transform"
    step = EmbedText.for_model(
        str(tiny_model), max_tokens=20, batch_tokens=64, tokens=True, transform_directory=str(directory)
    )
    options = json.loads((directory / "transform.json").read_text())["options"]
    assert (options["max_tokens"], options["long_documents"], options["lower_case"]) == (20, "truncate", True)
    assert step._embed._batching == TokenBatchConfig(batch_tokens=64, max_tokens=20)
    assert step._embed._token_vocabulary is not None and step._embed._transform_directory == str(directory)


def test_workers_refuse_another_model_in_its_place(tiny_model: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    step = EmbedText.for_model(str(model))
    (model / "assets" / "added.txt").write_text("changed")
    with pytest.raises(ModelDirectoryError, match=rf"^the model {model} has the fingerprint [0-9a-f]+, and "):
        step._embed._handler.load_model()


def test_more_tokens_than_the_model_has_positions(tiny_model: Path) -> None:
    message = "max-tokens 129 is more than the 128 positions that the model has; give at most 128"
    with pytest.raises(ValueError, match=message):
        EmbedText.for_model(str(tiny_model), max_tokens=129)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"output": ""}, "--output names nothing; give a directory, a table as bq:PROJECT:DATASET.TABLE, or both"),
        ({"sinks": ("tfrecord", "bigquery")}, "--sink bigquery needs a table: give --output bq:PROJECT:DATASET.TABLE"),
        (
            {"table": "bq:my-project:d.t"},
            "--output names bq:my-project:d.t, but --sink has no bigquery; add it, or leave the table out",
        ),
        (
            {"output": "", "table": "bq:my-project:d.t", "sinks": ("parquet", "bigquery")},
            "--sink parquet writes files: give --output a directory beside the table",
        ),
        (
            {"table": "bq:my-project:d.t", "sinks": ("bigquery",), "incremental": True},
            "--incremental needs files to see what has been embedded: give --output a directory, and --sink "
            "tfrecord or parquet, beside the table",
        ),
        (
            {"vector_index": "print"},
            "--vector-index is about vectors in a table: give --output bq:PROJECT:DATASET.TABLE, and pooled, mean "
            "or sentence among the --embeddings",
        ),
        ({"input": ("a", "")}, "--input has an empty path; is a variable of the shell not set?"),
        ({"input": ()}, "--input names no files; give at least one path or pattern, or a --query for BigQuery"),
        (
            {"format": "xml"},
            "--format is 'xml': choose from text, jsonl, json, csv, tsv, parquet, tfrecord, avro, files, bigquery",
        ),
        (
            {"encoding": "hex"},
            "--encoding is 'hex': choose from float_list, float32_bytes, float16_bytes, int8, binary",
        ),
        ({"long_documents": "drop"}, "--long-documents is 'drop': choose from truncate, window, reject"),
        ({"embeddings": ()}, "--embeddings must name one or more, each once, not ''"),
        ({"sinks": ("csv",)}, "--sink is 'csv': choose from tfrecord, parquet, bigquery"),
        ({"sinks": ("parquet", "parquet")}, "--sink must name one or more, each once, not 'parquet,parquet'"),
        ({"shard_seconds": 0.0}, "--shard-seconds must be more than 0, not 0.0"),
        ({"shard_seconds": float("nan")}, "--shard-seconds must be more than 0, not nan"),
        ({"shard_bytes": 0}, "--shard-bytes must be at least 1, not 0"),
    ],
)
def test_options_are_checked_when_built(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as error:
        EmbedOptions(**{"model": "m", "input": ("a.txt",), "output": "o", **changes})
    assert str(error.value) == message
