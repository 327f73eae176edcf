"""The file of accelerators' rates and prices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from albert_embed.pipeline.analysis.plan_rates import RATES_FILE, read_plan_rates


def write_rates(path: Path, **changes: Any) -> str:
    """Returns the package's own file with other values in it; those of the first accelerator as `accelerator_NAME`."""
    content = json.loads(RATES_FILE.read_text())
    for name, value in changes.items():
        if name.startswith("accelerator_"):
            content["accelerators"][0][name.removeprefix("accelerator_")] = value
        else:
            content[name] = value
    path.write_text(json.dumps(content))
    return str(path)


def test_the_packages_own_rates_name_their_sources() -> None:
    rates = read_plan_rates()
    assert rates.file == str(RATES_FILE) and len(rates.accelerators) >= 4
    for accelerator in rates.accelerators:
        assert accelerator.peak_source and accelerator.utilisation_source
        assert "remembered, not looked up" in accelerator.price_source and accelerator.price_as_of
        assert accelerator.flops_per_second("float32")
    t4 = rates.accelerators[0]
    assert t4.name == "NVIDIA T4" and t4.flops_per_second("bfloat16") is None
    assert t4.flops_per_second("float16") == 65e12 * t4.utilisation


def test_another_file_counts_instead(tmp_path: Path) -> None:
    path = write_rates(tmp_path / "rates.json", start_seconds=7, accelerator_dollars_per_hour=1.5)
    rates = read_plan_rates(path)
    assert (rates.file, rates.start_seconds, rates.accelerators[0].dollars_per_hour) == (path, 7, 1.5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": 2}, "format_version is 2, this program reads 1"),
        ({"start_seconds": -1}, "start_seconds must be at least 0, not -1"),
        ({"host_tokens_per_second": 0}, "host_tokens_per_second must be above 0, not 0"),
        ({"workers": [0]}, "workers must be above 0, not 0"),
        ({"accelerator_utilisation": 1.5}, "NVIDIA T4: utilisation must be above 0, at most 1, not 1.5"),
        ({"accelerator_dollars_per_hour": "cheap"}, "NVIDIA T4: dollars_per_hour must be a number, not 'cheap'"),
        ({"accelerator_peak_teraflops": {"float32": 0}}, "NVIDIA T4: peak_teraflops float32 must be above 0, not 0"),
        ({"accelerator_colour": "green"}, "unexpected keyword argument 'colour'"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = write_rates(tmp_path / "rates.json", **changes)
    with pytest.raises(ValueError, match="is not a file of rates for the plan") as raised:
        read_plan_rates(path)
    assert path in str(raised.value) and message in str(raised.value)


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "text.json").write_text("no JSON")
    (tmp_path / "empty.json").write_text("{}")
    for name in ("list.json", "text.json", "empty.json"):
        with pytest.raises(ValueError, match=f"{name} is not a file of rates for the plan"):
            read_plan_rates(str(tmp_path / name))
    with pytest.raises(FileNotFoundError):
        read_plan_rates(str(tmp_path / "nothing.json"))
