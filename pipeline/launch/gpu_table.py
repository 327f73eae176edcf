"""`GpuTable`: the GPUs of Dataflow, with machines, assumed speeds and prices, from one JSON file that people edit."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from albert_embed.transforms.files.directories import read_file

TABLE_FILE = Path(__file__).with_name("gpu_types.json")
FORMAT_VERSION = 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class MachineType:
    """A machine type of Compute Engine.

    Attributes:
      type: its name.
      vcpus: how many it has.
    """

    type: str
    vcpus: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class GpuType:
    """One kind of GPU.

    Attributes:
      name: as `--gpu` takes it.
      accelerator: its name for Dataflow.
      label: its name for people.
      memory_gib: the memory of one.
      machines: number of GPUs → the smallest machine that has so many.
      machine_source: the source of that.
      driver: what is to know about its driver.
      peak_teraflops: precision → the maker's figure, 10¹² operations per second; a precision that it lacks is left out.
      peak_source: the source of that.
      utilisation: the share of it that the model is assumed to reach, from 0 to 1.
      utilisation_source: the source of that.
      dollars_per_hour: of a worker with one of it.
      price_source: the source of that.
      price_as_of: the date of the price.

    Raises:
      ValueError: if a number is out of its range.
    """

    name: str
    accelerator: str
    label: str
    memory_gib: float
    machines: dict[int, MachineType]
    machine_source: str
    driver: str
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
        for count, machine in self.machines.items():
            _check_number(f"{self.name}: vcpus of the machine with {count}", machine.vcpus, above=0)
        _check_number(f"{self.name}: memory_gib", self.memory_gib, above=0)
        _check_number(f"{self.name}: utilisation", self.utilisation, above=0, most=1)
        _check_number(f"{self.name}: dollars_per_hour", self.dollars_per_hour)

    @staticmethod
    def from_dict(fields: dict[str, Any]) -> GpuType:
        """Makes one from the values of a JSON object.

        Raises:
          KeyError, TypeError, ValueError: if a value is missing, unknown or out of its range.
        """
        machines = {int(count): MachineType(**machine) for count, machine in fields["machines"].items()}
        return GpuType(**{**fields, "machines": machines})

    def flops_per_second(self, precision: str) -> float | None:
        """Returns the assumed speed in a precision; None where it lacks the precision."""
        peak = self.peak_teraflops.get(precision)
        return None if peak is None else 1e12 * peak * self.utilisation


@dataclasses.dataclass(frozen=True, kw_only=True)
class GpuTable:
    """The contents of a file of GPUs.

    Attributes:
      file: where it is.
      start_seconds: the time until a worker embeds.
      host_tokens_per_second: embedding → the speed of a worker's processing outside the model.
      workers: the numbers of workers to plan for.
      gpus: the kinds.
    """

    file: str
    start_seconds: float
    host_tokens_per_second: dict[str, float]
    workers: tuple[int, ...]
    gpus: tuple[GpuType, ...]

    def find(self, name: str) -> GpuType | None:
        """Returns the GPU that `--gpu` or Dataflow calls so; None where there is none."""
        return next((gpu for gpu in self.gpus if name in (gpu.name, gpu.accelerator)), None)

    def host_speed(self, embeddings: Iterable[str]) -> float:
        """Returns the tokens per second of a worker's processing outside the model, for the slowest of `embeddings`."""
        return min(self.host_tokens_per_second[name] for name in embeddings)


@functools.cache
def read_own_table() -> GpuTable:
    """Reads the package's own table."""
    return read_gpu_table()


def read_gpu_table(path: str | None = None) -> GpuTable:
    """Reads the table in `path`; None means the package's own.

    Raises:
      OSError: if the file can't be read.
      ValueError: if it is not such a table, or a number in it is out of its range; the message names both.
    """
    path = path or str(TABLE_FILE)
    try:
        content = json.loads(read_file(path))
        if content["format_version"] != FORMAT_VERSION:
            raise ValueError(f"format_version is {content['format_version']!r}, this program reads {FORMAT_VERSION}")
        _check_number("start_seconds", content["start_seconds"])
        for embedding, speed in content["host_tokens_per_second"].items():
            _check_number(f"host_tokens_per_second {embedding}", speed, above=0)
        for workers in content["workers"]:
            _check_number("workers", workers, above=0)
        return GpuTable(
            file=path,
            start_seconds=content["start_seconds"],
            host_tokens_per_second=content["host_tokens_per_second"],
            workers=tuple(content["workers"]),
            gpus=tuple(GpuType.from_dict(fields) for fields in content["gpus"]),
        )
    except OSError as e:
        raise type(e)(
            f"--rates {path} can't be read: {e.strerror or e}; give a file such as {TABLE_FILE}, or leave --rates out"
        ) from e
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        what = f"lacks {e}" if isinstance(e, KeyError) else str(e)
        raise ValueError(f"{path} is not a table of GPUs: {what}; see {TABLE_FILE} for an example") from e


def _check_number(name: str, value: Any, *, above: float | None = None, most: float | None = None) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name} must be a number, not {value!r}")
    if (value <= above if above is not None else value < 0) or (most is not None and value > most):
        limits = ("at least 0" if above is None else f"above {above}") + ("" if most is None else f", at most {most}")
        raise ValueError(f"{name} must be {limits}, not {value}")
