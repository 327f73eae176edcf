"""The table of GPUs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from albert_embed.model.hosting.embeddings import EMBEDDING_COLUMNS
from albert_embed.pipeline.launch.gpu_table import TABLE_FILE, read_gpu_table


def write_rates(path: Path, **changes: Any) -> str:
    """Returns the package's own file with other values in it; those of the first GPU as `gpu_NAME`."""
    content = json.loads(TABLE_FILE.read_text())
    for name, value in changes.items():
        if name.startswith("gpu_"):
            content["gpus"][0][name.removeprefix("gpu_")] = value
        else:
            content[name] = value
    path.write_text(json.dumps(content))
    return str(path)


def test_the_packages_own_rates_name_their_sources() -> None:
    rates = read_gpu_table()
    assert rates.file == str(TABLE_FILE) and len(rates.gpus) >= 4
    for gpu in rates.gpus:
        assert gpu.peak_source and gpu.utilisation_source
        assert "check it" in gpu.price_source and re.fullmatch(r"20\d\d(-\d\d){0,2}", gpu.price_as_of)
        assert gpu.flops_per_second("float32")
    t4 = rates.gpus[0]
    assert t4.label == "NVIDIA T4" and t4.flops_per_second("bfloat16") is None
    assert t4.flops_per_second("float16") == 65e12 * t4.utilisation


def test_another_file_counts_instead(tmp_path: Path) -> None:
    path = write_rates(tmp_path / "rates.json", start_seconds=7, gpu_dollars_per_hour=1.5)
    rates = read_gpu_table(path)
    assert (rates.file, rates.start_seconds, rates.gpus[0].dollars_per_hour) == (path, 7, 1.5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": 1}, "format_version is 1, this program reads 2"),
        ({"start_seconds": -1}, "start_seconds must be at least 0, not -1"),
        ({"host_tokens_per_second": {"mean": 0}}, "host_tokens_per_second mean must be above 0, not 0"),
        ({"workers": [0]}, "workers must be above 0, not 0"),
        ({"gpu_utilisation": 1.5}, "t4: utilisation must be above 0, at most 1, not 1.5"),
        ({"gpu_dollars_per_hour": "cheap"}, "t4: dollars_per_hour must be a number, not 'cheap'"),
        ({"gpu_peak_teraflops": {"float32": 0}}, "t4: peak_teraflops float32 must be above 0, not 0"),
        ({"gpu_colour": "green"}, "unexpected keyword argument 'colour'"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = write_rates(tmp_path / "rates.json", **changes)
    with pytest.raises(ValueError, match="is not a table of GPUs") as raised:
        read_gpu_table(path)
    assert path in str(raised.value) and message in str(raised.value)


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "text.json").write_text("no JSON")
    (tmp_path / "empty.json").write_text("{}")
    for name in ("list.json", "text.json", "empty.json"):
        with pytest.raises(ValueError, match=f"{name} is not a table of GPUs"):
            read_gpu_table(str(tmp_path / name))
    with pytest.raises(
        FileNotFoundError, match=r"^--rates \S+/nothing\.json can.t be read: No such file or directory; give"
    ):
        read_gpu_table(str(tmp_path / "nothing.json"))


def test_every_gpu_has_machines_and_says_what_is_known_of_its_driver() -> None:
    table = read_gpu_table()
    assert {"t4", "l4", "a100", "a100-80gb", "h100"} <= {gpu.name for gpu in table.gpus}
    for gpu in table.gpus:
        assert table.find(gpu.name) is table.find(gpu.accelerator) is gpu
        assert gpu.accelerator.startswith("nvidia-") and gpu.driver and gpu.machine_source
        assert all(machine.vcpus >= 4 for machine in gpu.machines.values()) and gpu.machines
    assert table.find("gtx") is None


def test_the_slowest_embedding_is_the_hosts_speed() -> None:
    table = read_gpu_table()
    assert table.host_speed(["pooled", "mean"]) == table.host_tokens_per_second["mean"]
    assert set(EMBEDDING_COLUMNS) == set(table.host_tokens_per_second)
