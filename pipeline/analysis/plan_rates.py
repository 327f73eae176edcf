"""`PlanRates`: how fast accelerators are taken to be and what they cost, from one JSON file that people edit."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from albert_embed.transforms.directories import read_file

RATES_FILE = Path(__file__).with_name("plan_rates.json")
FORMAT_VERSION = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Accelerator:
    """One kind of accelerator, one on each worker.

    Attributes:
      name: what it is called.
      peak_teraflops: precision → what its maker says, 10¹² operations a second; a precision it lacks is left out.
      peak_source: where that is from.
      utilisation: which share of it the model is taken to reach, from 0 to 1.
      utilisation_source: where that is from.
      dollars_per_hour: of a worker with it.
      price_source: where that is from.
      price_as_of: when it held.

    Raises:
      ValueError: where a number is out of its range.
    """

    name: str
    peak_teraflops: dict[str, float]
    peak_source: str
    utilisation: float
    utilisation_source: str
    dollars_per_hour: float
    price_source: str
    price_as_of: str

    def __post_init__(self) -> None:
        for precision, peak in self.peak_teraflops.items():
            _check_number(f"{self.name}: peak_teraflops {precision}", peak, above=0)
        _check_number(f"{self.name}: utilisation", self.utilisation, above=0, most=1)
        _check_number(f"{self.name}: dollars_per_hour", self.dollars_per_hour)

    def flops_per_second(self, precision: str) -> float | None:
        """What it is taken to reach in a precision; None where it lacks it."""
        peak = self.peak_teraflops.get(precision)
        return None if peak is None else 1e12 * peak * self.utilisation


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlanRates:
    """The contents of a rates file.

    Attributes:
      file: where it is.
      start_seconds: until a worker embeds.
      host_tokens_per_second: what a worker does beside the model, in tokens a second.
      workers: for how many workers to reckon.
      accelerators: the kinds.
    """

    file: str
    start_seconds: float
    host_tokens_per_second: float
    workers: tuple[int, ...]
    accelerators: tuple[Accelerator, ...]


def read_plan_rates(path: str | None = None) -> PlanRates:
    """The rates in `path`; None means the package's own.

    Raises:
      OSError: where the file can't be read.
      ValueError: where it is not such a file, or a number in it is out of its range; the message names both.
    """
    path = path or str(RATES_FILE)
    try:
        content = json.loads(read_file(path))
        if content["format_version"] != FORMAT_VERSION:
            raise ValueError(f"format_version is {content['format_version']!r}, this program reads {FORMAT_VERSION}")
        _check_number("start_seconds", content["start_seconds"])
        _check_number("host_tokens_per_second", content["host_tokens_per_second"], above=0)
        for workers in content["workers"]:
            _check_number("workers", workers, above=0)
        return PlanRates(
            file=path,
            start_seconds=content["start_seconds"],
            host_tokens_per_second=content["host_tokens_per_second"],
            workers=tuple(content["workers"]),
            accelerators=tuple(Accelerator(**fields) for fields in content["accelerators"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        what = f"lacks {e}" if isinstance(e, KeyError) else str(e)
        raise ValueError(f"{path} is no file of rates for the plan: {what}; {RATES_FILE} is one") from e


def _check_number(name: str, value: Any, *, above: float | None = None, most: float | None = None) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name} must be a number, not {value!r}")
    if (value <= above if above is not None else value < 0) or (most is not None and value > most):
        limits = ("at least 0" if above is None else f"above {above}") + ("" if most is None else f", at most {most}")
        raise ValueError(f"{name} must be {limits}, not {value}")
