"""The plan: its sums by hand, and what it foretells against what `embed` does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from albert_embed.model.architecture.flops import count_batch_flops
from albert_embed.pipeline.analysis.plan_accelerators import plan_accelerators
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.launch.gpu_table import GpuTable, GpuType, MachineType
from albert_embed.transforms.rows.batch_forecast import BatchForecast
from tests.pipeline.analysis.test_analyze_corpus import TEXTS, write_lines
from tests.tiny_model import TINY


def make_table(host: float = 1000.0, **peaks: float) -> GpuTable:
    abacus = GpuType(
        name="abacus",
        accelerator="maker-abacus",
        label="Maker's Abacus",
        memory_gib=1,
        machines={1: MachineType(type="table-1", vcpus=1)},
        machine_source="its maker",
        driver="a hand",
        peak_teraflops=peaks,
        peak_source="its maker",
        utilisation=0.5,
        utilisation_source="assumed",
        dollars_per_hour=2.0,
        price_source="a shop",
        price_as_of="1623",
    )
    return GpuTable(
        file="rates.json",
        start_seconds=36.0,
        host_tokens_per_second={"pooled": 2 * host, "mean": host},
        workers=(1, 4),
        gpus=(abacus,),
    )


def test_hours_and_dollars_of_accelerators() -> None:
    forecast = BatchForecast(rows=np.array([2, 3]), lengths=np.array([8, 4]), tokens=np.array([15, 12]), weight=1000.0)
    flops = 1000 * (count_batch_flops(TINY, 2, 8) + count_batch_flops(TINY, 3, 4))
    table = make_table(float32=flops / 1e12)
    one, four = plan_accelerators(TINY, "float32", forecast, table, embeddings=["pooled", "mean"])
    # The model takes 1 / 0.5 s, the host 27,000 / 1,000 s, at the same time.
    assert (one.workers, one.hours, one.dollars) == (1, round((36 + 27) / 3600, 3), round(63 / 3600 * 2, 2))
    assert (one.tokens_per_second, one.limit) == (1000, "host")
    assert (four.workers, four.hours) == (4, round((36 + 27 / 4) / 3600, 3))
    assert four.dollars == round(4 * (36 + 27 / 4) / 3600 * 2, 2)
    assert (one.peak_source, one.price_source, one.price_as_of) == ("its maker", "a shop", "1623")


def test_an_accelerator_without_the_precision_is_left_out() -> None:
    forecast = BatchForecast(rows=np.array([1]), lengths=np.array([8]), tokens=np.array([8]))
    assert plan_accelerators(TINY, "bfloat16", forecast, make_table(float32=1.0), embeddings=["mean"]) == ()


def test_a_slow_gpu_is_the_limit() -> None:
    forecast = BatchForecast(rows=np.array([2]), lengths=np.array([8]), tokens=np.array([15]), weight=1000.0)
    table = make_table(host=1e9, float32=1000 * count_batch_flops(TINY, 2, 8) / 1e12)
    one, _ = plan_accelerators(TINY, "float32", forecast, table, embeddings=["mean"])
    assert (one.limit, one.tokens_per_second) == ("gpu", 7500)


@pytest.mark.integration
@pytest.mark.parametrize(
    "flags",
    [
        ["--embeddings", "pooled,sequence", "--long-documents", "window", "--window-overlap", "16"],
        ["--embeddings", "mean", "--encoding", "float16_bytes", "--tokens"],
    ],
)
def test_what_is_foretold_comes_true(
    tiny_model: Path, tmp_path: Path, flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = write_lines(tmp_path / "corpus.txt", TEXTS * 20)
    common = ["--model", str(tiny_model), "--input", str(corpus), "--max-tokens", "64", *flags]
    assert main(["analyze", *common, "--output", str(tmp_path / "analysis"), "--plan"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "All of this is estimated." in printed and "gpu_types.json; edit it" in printed
    plan = json.loads((tmp_path / "analysis" / "analysis.json").read_text())["plan"]
    assert main(["embed", *common, "--output", str(tmp_path / "out")]) == 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    counters = manifest["measured"]["counters"]
    assert (plan["rows"], plan["tokens"]) == (manifest["counts"]["rows"], manifest["counts"]["tokens"])
    assert (plan["padded_tokens"], plan["batches"]) == (counters["padded_tokens"], counters["batches"])
    size = sum(shard["bytes"] for shard in manifest["shards"])
    assert plan["output_bytes"] == pytest.approx(size, rel=0.05)
    assert plan["here"]["seconds"] > 0
    assert plan["here"]["seconds"] == pytest.approx(sum(plan["here"]["seconds_by_part"].values()), abs=0.1)
    assert {row["accelerator"] for row in plan["accelerators"]} >= {"NVIDIA T4", "NVIDIA A100 40 GB"}


@pytest.mark.integration
def test_nothing_to_embed_is_planned_as_nothing(tiny_model: Path, tmp_path: Path) -> None:
    corpus = write_lines(tmp_path / "corpus.txt", [])
    command = ["analyze", "--model", str(tiny_model), "--input", str(corpus), "--plan"]
    assert main([*command, "--output", str(tmp_path / "out")]) == 0
    plan = json.loads((tmp_path / "out" / "analysis.json").read_text())["plan"]
    assert (plan["rows"], plan["padded_tokens"], plan["output_bytes"], plan["here"]) == (0, 0, 0, None)


def test_rates_without_a_plan_are_refused(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = write_lines(tmp_path / "corpus.txt", ["a"])
    command = ["analyze", "--model", str(tiny_model), "--input", str(corpus), "--output", str(tmp_path / "out")]
    assert main([*command, "--rates", "mine.json"]) == 2
    assert "--rates mine.json is for the plan; give --plan as well" in capsys.readouterr().err
