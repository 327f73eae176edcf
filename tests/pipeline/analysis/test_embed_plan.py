"""The plan as plain values and back."""

from __future__ import annotations

import dataclasses
import json

import pytest

from albert_embed.pipeline.analysis.embed_plan import AcceleratorPlan, EmbedPlan, MachinePlan, PlannedEmbeddings

PLAN = EmbedPlan(
    planned=PlannedEmbeddings(
        embeddings=("pooled", "mean"),
        encoding="float_list",
        dimensions=None,
        tokens=False,
        engine="tensorflow",
        precision="float32",
    ),
    rows=3,
    batches=1,
    batch_tokens=1024,
    tokens=20,
    padded_tokens=24,
    fill=0.8333,
    output_bytes=5000,
    here=MachinePlan(
        seconds=4.5,
        seconds_by_part={"prepare": 1.5, "embed": 3.0},
        tokens_per_second=6.7,
        timed_batches=1,
        timed_seconds=0.5,
    ),
    accelerators=(
        AcceleratorPlan(
            accelerator="Maker's Abacus",
            gpu="abacus",
            workers=1,
            tokens_per_second=1000,
            limit="host",
            hours=0.018,
            dollars=0.04,
            peak_source="its maker",
            utilisation=0.5,
            utilisation_source="assumed",
            price_source="a shop",
            price_as_of="1623",
        ),
    ),
    rates_file="rates.json",
)


@pytest.mark.parametrize("plan", [PLAN, dataclasses.replace(PLAN, fill=None, here=None, accelerators=())])
def test_a_plan_comes_back_from_json(plan: EmbedPlan) -> None:
    assert EmbedPlan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan


def test_the_values_have_the_names_of_the_documented_file() -> None:
    values = PLAN.to_dict()
    assert list(values)[:3] == ["for", "rows", "batches"] and "planned" not in values
    assert (values["for"]["engine"], values["here"]["seconds"]) == ("tensorflow", 4.5)
    assert values["accelerators"][0]["gpu"] == "abacus"
