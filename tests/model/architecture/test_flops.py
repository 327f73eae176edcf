"""Operations of an encoder, against sums made by hand."""

from __future__ import annotations

from albert_embed.model.architecture.flops import count_batch_flops
from tests.tiny_model import BASE, TINY, replace


def test_base_at_512() -> None:
    # Of one token and layer: four projections, two feed-forward products, two of attention over 512 positions.
    layer = 2 * (4 * 768 * 768 + 2 * 768 * 3072 + 2 * 512 * 768)
    per_token = 12 * layer + 2 * 128 * 768
    assert count_batch_flops(BASE, 3, 512) == 3 * 512 * per_token + 3 * 2 * 768 * 768


def test_inner_layers_count_as_often_as_they_run() -> None:
    once, twice = (count_batch_flops(replace(TINY, inner_group_num=inner), 2, 7) for inner in (1, 2))
    outside = 2 * 2 * 7 * 8 * 16 + 2 * 2 * 16 * 16
    assert twice - outside == 2 * (once - outside)
