"""`PlanRates`: the assumed speed and cost of accelerators, from one JSON file that people edit."""

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
      name: its name.
      peak_teraflops: precision → the maker's figure, 10¹² operations per second; a precision that it lacks is left out.
      peak_source: the source of that.
      utilisation: the share of it that the model is assumed to reach, from 0 to 1.
      utilisation_source: the source of that.
      dollars_per_hour: of a worker with it.
      price_source: the source of that.
      price_as_of: the date of the price.

    Raises:
      ValueError: if a number is out of its range.
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
        """Returns the assumed speed in a precision; None where it lacks the precision."""
        peak = self.peak_teraflops.get(precision)
        return None if peak is None else 1e12 * peak * self.utilisation


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlanRates:
    """The contents of a rates file.

    Attributes:
      file: where it is.
      start_seconds: the time until a worker embeds.
      host_tokens_per_second: the speed of a worker's processing outside the model.
      workers: the numbers of workers to plan for.
      accelerators: the kinds.
    """

    file: str
    start_seconds: float
    host_tokens_per_second: float
    workers: tuple[int, ...]
    accelerators: tuple[Accelerator, ...]


def read_plan_rates(path: str | None = None) -> PlanRates:
    """Reads the rates in `path`; None means the package's own.

    Raises:
      OSError: if the file can't be read.
      ValueError: if it is not a file of rates, or a number in it is out of its range; the message names both.
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
        raise ValueError(f"{path} is not a file of rates for the plan: {what}; see {RATES_FILE} for an example") from e


def _check_number(name: str, value: Any, *, above: float | None = None, most: float | None = None) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name} must be a number, not {value!r}")
    if (value <= above if above is not None else value < 0) or (most is not None and value > most):
        limits = ("at least 0" if above is None else f"above {above}") + ("" if most is None else f", at most {most}")
        raise ValueError(f"{name} must be {limits}, not {value}")
