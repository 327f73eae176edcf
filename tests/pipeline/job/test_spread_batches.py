"""Whole batches are spread over the workers of an engine, which must not leave that out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.portability import common_urns

from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.job import job
from tests.pipeline.embed_command import embed_command

RESHUFFLE = common_urns.composites.RESHUFFLE.urn
GROUP_BY_KEY = common_urns.primitives.GROUP_BY_KEY.urn
ENGINE = ["--runner", "PortableRunner", "--job_endpoint", "127.0.0.1:1", "--environment_type", "LOOPBACK"]


class SubmittedError(Exception):
    """Ends a run in place of its submission."""


def capture_graph(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> Any:
    """Runs the command until it submits its pipeline, and returns the components of that."""
    graphs = []

    def submit(pipeline: beam.Pipeline, options: object) -> None:
        graphs.append(pipeline.to_runner_api())
        raise SubmittedError

    with monkeypatch.context() as patch:
        patch.setattr(job, "submit", submit)
        assert main(arguments) == 4
    [graph] = graphs
    return graph.components


def list_upstream(graph: Any, transform: Any) -> Iterator[Any]:
    """Yields the transforms before `transform`, composites with what is in them, as far as the nearest groupings."""
    for collection in transform.inputs.values():
        for other in graph.transforms.values():
            if collection in other.outputs.values() and collection not in other.inputs.values():
                yield other
                if other.spec.urn != GROUP_BY_KEY and not other.subtransforms:
                    yield from list_upstream(graph, other)


@pytest.mark.parametrize("more", [[], ["--incremental"]])
def test_no_reshuffle_comes_before_that_of_the_batches(
    more: list[str], tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, output = tmp_path / "in.txt", tmp_path / "out"
    source.write_text("one\ntwo\n")
    arguments = embed_command(tiny_model, source, output, *more)
    if more:
        assert main(arguments) == 0
        source.write_text("one\nthree\n")
    graph = capture_graph(monkeypatch, [*arguments, *ENGINE])
    [spread] = [
        transform for transform in graph.transforms.values() if transform.unique_name.endswith("/SpreadBatches")
    ]
    assert spread.spec.urn == RESHUFFLE
    before = list(list_upstream(graph, spread))
    assert GROUP_BY_KEY in {transform.spec.urn for transform in before}
    assert [transform.unique_name for transform in before if transform.spec.urn == RESHUFFLE] == []
