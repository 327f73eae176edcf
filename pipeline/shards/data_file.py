"""`DataFile`: one file of a dataset, as its manifest names it."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataFile:
    """One file of a dataset, of any kind: rows, their index, tombstones or failures.

    Attributes:
      path: relative to the folder that it is in: the staging folder, or the dataset's once it is published.
      bytes: its size.
      format: the format of its rows, such as `parquet`; None where there is only one for this kind of file.
      rows: how many rows it has; None where that is not known.
      generation: the generation of the dataset that it belongs to; None until it is published.
    """

    path: str
    bytes: int
    format: str | None = None
    rows: int | None = None
    generation: int | None = None

    @property
    def is_published(self) -> bool:
        """Whether it is a part of the published dataset."""
        return self.generation is not None

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON, without those that are None."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}
