"""`AnalyzeOptions`: the options of `albert-embed analyze`, checked when they are built."""

from __future__ import annotations

import dataclasses
from typing import Any

from albert_embed.pipeline.settings.embed_options import EmbedOptions


@dataclasses.dataclass(frozen=True, kw_only=True)
class AnalyzeOptions:
    """What to analyse, and for which embedding of it.

    Attributes:
      embed: the embedding to prepare for: it names the model, the corpus and how both are read. Its output is the
        directory for the analysis.
      cache: the folder for what was found in each file; None means `cache` in the output.
      plan: whether to predict what the embedding takes.
      rates: a file of accelerators' rates and prices in place of the package's own.

    Raises:
      ValueError: if an option is out of its range or contradicts another; the message says what to give.
    """

    embed: EmbedOptions
    cache: str | None = None
    plan: bool = False
    rates: str | None = None

    def __post_init__(self) -> None:
        if self.rates is not None and not self.plan:
            raise ValueError(f"--rates {self.rates} is for the plan; give --plan as well")
        if self.embed.reads_table:
            raise ValueError(
                f"--input is {', '.join(self.embed.input)}: an analysis reads files; export the table first"
            )
        if self.embed.table is not None:
            raise ValueError(f"--output is {self.embed.table}: an analysis is written to a directory; give one")

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values, for `analysis.json`."""
        return {
            **self.embed.to_dict(),
            **{field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "embed"},
        }
