"""`ReportOptions`: the options of `albert-embed report`, checked when they are built."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

from albert_embed.pipeline.settings.choices import check_at_least, check_choice

MapMethod = Literal["pca", "tsne", "umap"]
MAP_METHODS: tuple[str, ...] = get_args(MapMethod)
# Every row is compared with every other: measured, 50,000 rows of 768 take two minutes on two busy cores, and 1 GB.
DEFAULT_ATLAS_ROWS = 50_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """What to report of, and where to.

    Attributes:
      directory: a finished output, or a finished analysis.
      output: the page; None means `report.html` in the directory.
      map: how the map is made.
      atlas: a Parquet file to write for Embedding Atlas; None means none.
      atlas_rows: maximum rows in it; of more, a random sample.
      atlas_vectors: whether it holds the vectors, too.

    Raises:
      ValueError: if an option is out of its range, or goes with no other; the message says what to give.
    """

    directory: str
    output: str | None = None
    map: MapMethod = "pca"
    atlas: str | None = None
    atlas_rows: int | None = None
    atlas_vectors: bool = False

    def __post_init__(self) -> None:
        check_choice("--map", self.map, MAP_METHODS)
        if self.atlas is None and (self.atlas_rows is not None or self.atlas_vectors):
            raise ValueError("--atlas-rows and --atlas-vectors are about the file of --atlas; give that, too")
        check_at_least("--atlas-rows", self.atlas_rows, 1)
