"""Finds out what a finished output holds: counts, dimensions, token statistics, failures by reason."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from typing import Any

import numpy as np

from albert_embed.pipeline.dataset.manifest import Manifest, OutputCounts
from albert_embed.pipeline.dataset.provenance import ModelProvenance
from albert_embed.pipeline.dataset.published_output import PublishedOutput, describe_damage, open_published_output
from albert_embed.pipeline.dataset.read_embeddings import read_document_rows, read_failure_rows, read_rows
from albert_embed.pipeline.dataset.search_index import SearchIndex
from albert_embed.pipeline.dataset.versions import list_versions
from albert_embed.pipeline.settings.embed_choices import Encoding
from albert_embed.pipeline.shards.row_counts import RowCounts, count_rows
from albert_embed.transforms.rows.columns import DOCUMENT_OUTPUT, ID, INPUT_IDS, SEQUENCE_OUTPUT
from albert_embed.transforms.rows.list_lengths import add_length_counts, list_lengths
from albert_embed.transforms.rows.plain_values import to_plain
from albert_embed.transforms.steps.failure import describe_category

_QUANTILES = {"min": 0, "p25": 25, "median": 50, "p75": 75, "p95": 95, "max": 100}
# Shown of each list and each text of a row.
_MAX_VALUES = 8
_MAX_CHARACTERS = 200


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inspection:
    """What reading every row has found.

    Attributes:
      directory: the output.
      version: its number.
      created: when it was published.
      model: what the manifest says about the model.
      counts: as read from the data.
      dimensions: embedding → width of its vectors.
      encoding: how embeddings are written.
      normalized: whether each vector was scaled to length 1.
      tokens: quantiles and mean of the rows' token counts; empty where there are no rows.
      failures: "stage: reason" → how many.
      bytes: size of the data files.
      generations: runs that the output consists of.
      dead_rows: rows in the data files that later runs have superseded; `compact` drops them.
      retain: how many earlier versions a run of this output keeps readable, unless it is told otherwise.
      retained: the numbers of the earlier versions that are readable.
      search_index: what the manifest says of the index, if there is one.
      head: the first rows, as plain values.
      failed: the first failures.
    """

    directory: str
    version: int
    created: str
    model: ModelProvenance
    counts: OutputCounts
    dimensions: dict[str, int]
    encoding: Encoding
    normalized: bool
    tokens: dict[str, float]
    failures: dict[str, int]
    bytes: int
    generations: int
    dead_rows: int
    retain: int
    retained: list[int]
    search_index: SearchIndex | None
    head: list[dict[str, Any]]
    failed: list[dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return {**dataclasses.asdict(self), "model": self.model.to_dict(), "counts": self.counts.to_dict()}


def inspect_output(directory: str, *, head: int = 0) -> Inspection:
    """Reads all of the finished output in `directory`, a batch at a time.

    Args:
      directory: the output.
      head: how many rows and failures to show.

    Raises:
      OutputError: if it is not a finished output, or the data are not what the manifest says.
    """
    with open_published_output(directory) as output:
        return _inspect(output, head)


def _inspect(output: PublishedOutput, head: int) -> Inspection:
    directory, manifest = output.directory, output.manifest
    rows = manifest.row_schema
    found = RowCounts()
    lengths = np.zeros(1, np.int64)
    shown: list[dict[str, Any]] = []
    for batch in read_rows(output):
        found += count_rows(batch)
        batch_lengths = list_lengths(batch.column(INPUT_IDS))
        lengths = add_length_counts(lengths, batch_lengths)
        for name in manifest.embeddings:
            widths = list_lengths(batch.column(name))
            width = rows.width(name)
            if not (widths == width * (batch_lengths if name == SEQUENCE_OUTPUT else 1)).all():
                raise describe_damage(directory, f"{name} has rows that are not {width} wide")
        if len(shown) < head:
            shown += [_show_row(row) for row in batch.slice(0, head - len(shown)).to_pylist()]
    reasons: Counter[str] = Counter()
    failed: list[dict[str, Any]] = []
    for failure in read_failure_rows(output):
        reasons[describe_category(failure["stage"], failure["reason"])] += 1
        if len(failed) < head:
            failed.append(failure)
    counts = OutputCounts(
        **dataclasses.asdict(found),
        failures=sum(reasons.values()),
        document_rows=None if manifest.counts.document_rows is None else _count_documents(output),
    )
    if counts != manifest.counts:
        what = f"the data hold {counts.to_dict()}, the manifest says {manifest.counts.to_dict()}"
        raise describe_damage(directory, what)
    return Inspection(
        directory=directory,
        version=manifest.generation,
        created=manifest.created,
        model=manifest.model,
        counts=counts,
        dimensions={name: rows.width(name) for name in _list_embeddings(manifest)},
        encoding=manifest.encoding,
        normalized=manifest.normalized,
        tokens=_describe_lengths(lengths),
        failures=dict(sorted(reasons.items())),
        bytes=sum(file.bytes for file in (*manifest.shards, *manifest.document_shards)),
        generations=len(manifest.generations),
        dead_rows=manifest.dead_rows,
        retain=manifest.retain,
        retained=[number for number in list_versions(directory) if number < manifest.generation],
        search_index=manifest.search_index,
        head=shown,
        failed=failed,
    )


def _list_embeddings(manifest: Manifest) -> list[str]:
    documents = [] if manifest.counts.document_rows is None else [DOCUMENT_OUTPUT]
    return [*manifest.embeddings, *documents]


def _count_documents(output: PublishedOutput) -> int:
    found = 0
    for batch in read_document_rows(output):
        width = output.manifest.row_schema.width(DOCUMENT_OUTPUT)
        if not (list_lengths(batch.column(DOCUMENT_OUTPUT)) == width).all():
            raise describe_damage(output.directory, f"{DOCUMENT_OUTPUT} has rows that are not {width} wide")
        found += batch.num_rows
    return found


def _describe_lengths(lengths: np.ndarray) -> dict[str, float]:
    """Returns quantiles, as `np.percentile` gives them, and the mean, to two decimals.

    Args:
      lengths: how many rows have so many tokens, `[longest + 1]` int64.
    """
    rows = int(lengths.sum())
    if not rows:
        return {}
    reached = np.cumsum(lengths)
    described = {}
    for name, percent in _QUANTILES.items():
        place = percent / 100 * (rows - 1)
        below, above = np.searchsorted(reached, [math.floor(place), math.ceil(place)], side="right").tolist()
        described[name] = round(below + (above - below) * (place - math.floor(place)), 2)
    return {**described, "mean": round(float(lengths @ np.arange(len(lengths))) / rows, 2)}


def _show_row(row: dict[str, Any]) -> dict[str, Any]:
    """Converts a row for JSON: bytes to text, lists to their first values, texts but for the id to their start."""
    shown: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, list):
            items = [_show_text(item) for item in value[:_MAX_VALUES]]
            shown[name] = items if len(value) <= _MAX_VALUES else [*items, f"… {len(value)} values"]
        else:
            shown[name] = to_plain(value) if name == ID else _show_text(value)
    return shown


def _show_text(value: Any) -> Any:
    text = to_plain(value)
    if not isinstance(text, str) or len(text) <= _MAX_CHARACTERS:
        return text
    return f"{text[:_MAX_CHARACTERS]}… {len(text):,} characters"
