"""Builds an index of the live rows of a version, anew or from the index of an earlier one."""

from __future__ import annotations

import dataclasses
import logging

import numpy as np

from albert_embed.pipeline.dataset.published_output import describe_damage
from albert_embed.pipeline.dataset.search_index import SearchIndex
from albert_embed.pipeline.nearest.measure_recall import measure_recall
from albert_embed.pipeline.nearest.searchable_rows import SearchableRows
from albert_embed.pipeline.nearest.vector_index import (
    IndexSettings,
    MissingLibraryError,
    VectorIndex,
    choose_value_type,
    convert_vectors,
    describe_library,
)
from albert_embed.pipeline.progress.display import Display
from albert_embed.pipeline.progress.loop import watch_loop
from albert_embed.pipeline.settings.search_options import Metric

logger = logging.getLogger(__name__)

# An index of which more rows were taken out than are left is built anew: its links were chosen for other rows.
_MAX_REMOVED = 1.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class EarlierIndex:
    """The index of an earlier version, whose rows this one has too, unless they are dead.

    Attributes:
      described: what its version says of it.
      path: of its file, on this machine.
    """

    described: SearchIndex
    path: str


def choose_index_settings(rows: SearchableRows, metric: Metric) -> IndexSettings:
    """Returns with what settings the vectors of some rows are put into an index."""
    return IndexSettings(
        dimensions=rows.schema.width(rows.searched.column),
        metric=metric,
        value_type=choose_value_type(rows.schema, metric),
    )


def build_index(
    rows: SearchableRows,
    *,
    metric: Metric,
    version: int,
    path: str,
    display: Display,
    earlier: EarlierIndex | None = None,
) -> SearchIndex:
    """Writes the index of the live rows of a version to a local file.

    It holds the vectors and their links in memory, some `rows * (dimensions * bytes of a value + 300)` bytes, and reads
    rows a batch at a time.

    Args:
      rows: of the version.
      metric: how they are compared.
      version: its number.
      path: of the file.
      display: shows how far it is.
      earlier: is updated, where it can be: dead rows are taken out, and those of later generations added.

    Returns:
      What the version says of the index.

    Raises:
      OutputError: if the dataset is damaged.
      MissingLibraryError: if usearch is not installed.
      OSError: if there is no room for the file.
    """
    settings = choose_index_settings(rows, metric)
    built = None if earlier is None else _update(rows, settings, earlier, display)
    if built is None:
        index, removed = VectorIndex.make(settings), 0
        _add(index, rows, display)
        if len(index) != rows.count:
            what = f"the data hold {len(index)} live rows, the manifest says {rows.count}"
            raise describe_damage(rows.output.directory, what)
    else:
        index, removed = built
    recall, sample = measure_recall(index)
    index.save(path)
    logger.info(
        "an index of %d rows is made; recall@10 is %s", len(index), "not measured" if recall is None else recall
    )
    return SearchIndex(
        version=version,
        embedding=rows.searched.name,
        rows=len(index),
        removed=removed,
        recall_at_10=recall,
        sample=sample,
        library=describe_library(),
        **dataclasses.asdict(settings),
    )


def _update(
    rows: SearchableRows, settings: IndexSettings, earlier: EarlierIndex, display: Display
) -> tuple[VectorIndex, int] | None:
    """Updates an earlier index, and returns it with the number of rows taken out since it was built anew.

    Returns None where it has to be built anew.
    """
    described = earlier.described
    wanted = {"embedding": rows.searched.name, "library": describe_library(), **dataclasses.asdict(settings)}
    differences = [name for name, value in wanted.items() if getattr(described, name) != value]
    if differences:
        logger.info("the index is built anew: %s is another", ", ".join(differences))
        return None
    try:
        index = VectorIndex.open(earlier.path, settings, writable=True)
    except MissingLibraryError:
        raise
    except (ValueError, RuntimeError) as e:
        logger.warning("the index is built anew: that of version %d is damaged: %s", described.version, e)
        return None
    removed = described.removed
    for dead in rows.find_dead(until=described.version):
        removed += index.remove(dead)
    if removed > _MAX_REMOVED * len(index):
        logger.info("the index is built anew: %d rows were taken out of it, %d are left", removed, len(index))
        return None
    _add(index, rows, display, after=described.version)
    if len(index) != rows.count:
        logger.warning("the index is built anew: it holds %d rows, the dataset %d", len(index), rows.count)
        return None
    return index, removed


def _add(index: VectorIndex, rows: SearchableRows, display: Display, *, after: int = 0) -> None:
    added = []
    with watch_loop(display, "indexing", total=rows.count - len(index), unit="rows") as loop:
        for places, vectors in rows.read(after=after):
            index.add(places, convert_vectors(vectors, index.settings.value_type, rows.schema))
            added.append(places)
            loop.advance(len(places))
    if added:
        again = index.reconnect(np.concatenate(added))
        logger.info("%d of %d rows were added again, because nothing led to them", again, sum(map(len, added)))
