"""`AlbertEmbeddings` for chunks of `apache_beam.ml.rag`, through to what a vector database's writer would get."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.ml.rag.embeddings.base import create_text_adapter
from apache_beam.ml.rag.ingestion.base import VectorDatabaseWriteConfig, VectorDatabaseWriteTransform
from apache_beam.ml.rag.types import Chunk, Content
from apache_beam.ml.transforms.base import MLTransform

from albert_embed import AlbertEmbeddings
from tests.pipeline.integrations.collect import collect
from tests.pipeline.reference import Reference
from tests.tiny_model import CORPUS

TEXTS = CORPUS.read_text(encoding="utf-8").splitlines()[:6]
CHUNKS = [
    Chunk(content=Content(text=text), id=f"chunk {number}", index=number, metadata={"source": "a.txt", "n": [number]})
    for number, text in enumerate(TEXTS)
]
SCHEMA = pa.schema([("id", pa.string()), ("text", pa.string()), ("embedding", pa.list_(pa.float32()))])


class ParquetConfig(VectorDatabaseWriteConfig):
    """Writes chunks to Parquet, as a configuration of a database's writer would write them there."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def create_write_transform(self) -> beam.PTransform[Any, Any]:
        prefix = self._prefix

        class Write(beam.PTransform[Any, Any]):
            def expand(self, chunks: beam.PCollection[Chunk]) -> Any:
                return (
                    chunks
                    | beam.Map(lambda one: {"id": one.id, "text": one.content.text, "embedding": one.dense_embedding})
                    | beam.io.WriteToParquet(prefix, SCHEMA, file_name_suffix=".parquet")
                )

        return Write()


def make_transform(model: Path, tmp_path: Path) -> Any:
    embeddings = AlbertEmbeddings(str(model), type_adapter=create_text_adapter())
    return MLTransform(write_artifact_location=str(tmp_path / "artifacts")).with_transform(embeddings)


@pytest.mark.integration
def test_chunks_get_embeddings_and_are_written(tiny_model: Path, tmp_path: Path) -> None:
    write = VectorDatabaseWriteTransform(ParquetConfig(str(tmp_path / "chunks")))

    def build(pipeline: beam.Pipeline) -> Any:
        embedded: beam.PCollection[Any] = (
            pipeline | beam.Create(copy.deepcopy(CHUNKS)) | make_transform(tiny_model, tmp_path)
        )
        _ = embedded | write
        return embedded

    embedded = sorted(collect(build), key=lambda chunk: chunk.index)
    reference = Reference(tiny_model)
    for chunk, original in zip(embedded, CHUNKS, strict=True):
        assert (chunk.id, chunk.index, chunk.metadata) == (original.id, original.index, original.metadata)
        assert chunk.content == original.content
        expected = reference.embed(reference.frame(original.content.text or "", 128))["mean_output"]
        np.testing.assert_allclose(chunk.embedding.dense_embedding, expected, atol=1e-5)
    written = {row["id"]: row for path in tmp_path.glob("chunks*") for row in pq.read_table(path).to_pylist()}
    assert written == {
        chunk.id: {"id": chunk.id, "text": chunk.content.text, "embedding": chunk.dense_embedding} for chunk in embedded
    }


def test_a_chunk_without_text_is_a_dead_letter(tiny_model: Path, tmp_path: Path) -> None:
    picture = Chunk(content=Content(image=b"..."), id="picture")
    step = make_transform(tiny_model, tmp_path).with_exception_handling()

    def build(pipeline: beam.Pipeline) -> Any:
        good, bad = pipeline | beam.Create([picture, CHUNKS[0]]) | step
        return (good, bad) | beam.Flatten()

    good, bad = sorted(collect(build), key=lambda one: not isinstance(one, Chunk))
    assert (good.id, len(good.dense_embedding)) == ("chunk 0", 16)
    assert bad.element == picture
    assert "Expected text content in EmbeddableItem picture" in bad.msg
