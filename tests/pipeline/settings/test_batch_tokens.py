"""The default of `--batch-tokens`."""

from __future__ import annotations

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.pipeline.settings import batch_tokens
from albert_embed.pipeline.settings.batch_tokens import choose_batch_tokens

GPU_WORKERS = ["--dataflow_service_options", "worker_accelerator=type:nvidia-tesla-t4;count:1;install-nvidia-driver"]


@pytest.mark.parametrize(
    ("gpu", "max_tokens", "expected"),
    [
        (False, 512, 1024),
        (True, 512, 16384),
        (False, 2000, 2000),
        (True, 20000, 20000),
    ],
)
def test_the_default_is_that_of_the_device(
    gpu: bool, max_tokens: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_tokens, "_has_gpu", lambda options: gpu)
    assert choose_batch_tokens(None, max_tokens=max_tokens, beam_options=PipelineOptions([])) == expected


def test_what_is_given_is_taken() -> None:
    assert choose_batch_tokens(77, max_tokens=12, beam_options=PipelineOptions([])) == 77


def test_workers_with_an_accelerator_have_a_gpu() -> None:
    assert choose_batch_tokens(None, max_tokens=512, beam_options=PipelineOptions(GPU_WORKERS)) == 16384
