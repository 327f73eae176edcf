"""What Beam's options mean here."""

from __future__ import annotations

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.pipeline.settings.runner import holds_shuffle_in_memory


@pytest.mark.parametrize(
    ("arguments", "in_memory"),
    [
        ([], True),
        (["--runner=DirectRunner", "--direct_num_workers=2", "--direct_running_mode=multi_processing"], True),
        (["--runner=PrismRunner"], True),
        (["--runner=FlinkRunner"], False),
        (["--runner=PortableRunner", "--job_endpoint=localhost:8099"], False),
        (["--runner=DataflowRunner"], False),
    ],
)
def test_rows_are_shuffled_only_where_the_runner_can_hold_them(arguments: list[str], in_memory: bool) -> None:
    assert holds_shuffle_in_memory(PipelineOptions(arguments)) is in_memory
