"""Beam's MLTransform with some embeddings, from a text file to Parquet, by the in-process runner."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.ml.transforms.base import EmbeddingsManager, MLTransform
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from benchmarks.outcome import Outcome, print_report, read_documents

# `line` tells the documents apart afterwards: MLTransform puts the embedding in the text's place.
_SCHEMA = pa.schema([("line", pa.string()), ("text", pa.list_(pa.float32()))])


def measure_mltransform(embeddings: EmbeddingsManager, arguments: argparse.Namespace) -> None:
    """Embeds a corpus, writes the outcome, and prints the report.

    Args:
      embeddings: of the column `text`.
      arguments: as `benchmarks.outcome.make_parser` reads them.
    """
    with tempfile.TemporaryDirectory() as directory:
        rows = [row for path in _embed(embeddings, arguments.corpus, Path(directory)) for row in _read(path)]
    vectors = dict(rows)
    documents = read_documents(arguments.corpus)
    Outcome(mean=np.asarray([vectors[document] for document in documents], np.float32)).write(arguments.outcome)
    print_report({"versions": {"apache-beam": beam.__version__}})


def _embed(embeddings: EmbeddingsManager, corpus: Path, directory: Path) -> list[Path]:
    """Runs the pipeline; returns the Parquet files that it wrote to `directory`."""
    with beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions([])) as pipeline:
        _ = (
            pipeline
            | beam.io.ReadFromText(str(corpus))
            | beam.Map(lambda line: {"line": line, "text": line})
            | MLTransform(write_artifact_location=str(directory / "artifacts")).with_transform(embeddings)
            | beam.Map(lambda row: row if isinstance(row, dict) else row._asdict())
            | beam.io.WriteToParquet(str(directory / "embeddings"), _SCHEMA, file_name_suffix=".parquet")
        )
    return sorted(directory.glob("embeddings*.parquet"))


def _read(path: Path) -> list[tuple[str, list[float]]]:
    table = pq.read_table(path)
    return list(zip(table["line"].to_pylist(), table["text"].to_pylist(), strict=True))
