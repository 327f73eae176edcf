"""With `--gpu-pool inference`, the GPU's resource hint is on the model's step, and on no other."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.portability.common_urns import resource_hints
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

from albert_embed import EmbedText
from albert_embed.model.hosting.handler import AlbertModelHandler
from albert_embed.pipeline.launch.gpu_request import find_inference_accelerator
from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.graph.transform_graph import save_transform_graph
from albert_embed.transforms.rows.token_batches import TokenBatchConfig
from albert_embed.transforms.text.vocabulary import load_vocabulary


@pytest.fixture(scope="module")
def transform(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A transform graph for the tiny model."""
    folder = str(tmp_path_factory.mktemp("graph") / "transform")
    vocabulary = load_vocabulary(str(tiny_model / "assets" / "spiece.model"))
    save_transform_graph(vocabulary, PreprocessingConfig(lower_case=True, max_tokens=16), folder)
    return folder


def embed(pipeline: beam.Pipeline, model: Path, transform: str, pool: str) -> beam.PCollection[pa.RecordBatch]:
    documents = pipeline | beam.Create([pa.RecordBatch.from_pydict({"id": ["a"], "text": ["b"]})])
    step = EmbedText(
        transform_directory=transform,
        handler=AlbertModelHandler(str(model)),
        batching=TokenBatchConfig(batch_tokens=64, max_tokens=16),
        accelerator=find_inference_accelerator("l4", pool),
    )
    embedded: beam.PCollection[pa.RecordBatch] = (documents | step)["embeddings"]
    return embedded


def find_hints(pipeline: beam.Pipeline) -> dict[str, bytes]:
    """Returns the accelerator of each step that has one, but for steps that hold others."""
    components = pipeline.to_runner_api().components
    return {
        transform.unique_name: hint
        for transform in components.transforms.values()
        if transform.environment_id and not transform.subtransforms
        for urn, hint in components.environments[transform.environment_id].resource_hints.items()
        if urn == resource_hints.ACCELERATOR.urn
    }


def list_steps(pipeline: beam.Pipeline) -> list[str]:
    return [transform.unique_name for transform in pipeline.to_runner_api().components.transforms.values()]


def test_the_hint_is_on_the_models_step_alone(tiny_model: Path, transform: str) -> None:
    pipeline = beam.Pipeline()
    embed(pipeline, tiny_model, transform, "inference")
    hints = find_hints(pipeline)
    assert all("/RunInference/" in f"{name}/" for name in hints), sorted(hints)
    assert any("BeamML_RunInference" in name for name in hints)
    assert set(hints.values()) == {b"type:nvidia-l4;count:1;machine_type:g2-standard-4;install-nvidia-driver"}
    # What is fused shares its workers: the step before is a shuffle.
    assert any("SpreadBatches" in name for name in list_steps(pipeline))


def test_for_the_whole_pool_no_step_has_a_hint(tiny_model: Path, transform: str) -> None:
    pipeline = beam.Pipeline()
    embed(pipeline, tiny_model, transform, "whole")
    assert find_hints(pipeline) == {}
    assert not any("SpreadBatches" in name for name in list_steps(pipeline))


def test_a_local_runner_takes_no_notice(tiny_model: Path, transform: str) -> None:
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ids = embed(pipeline, tiny_model, transform, "inference") | beam.FlatMap(lambda rows: rows["id"].to_pylist())
        assert_that(ids, equal_to([b"a"]))
