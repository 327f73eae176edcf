"""`compact`: rewrites an output that runs have added to, without its dead rows."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.pipeline.commit.publish import retain_versions
from albert_embed.pipeline.commit.stage_index import stage_index
from albert_embed.pipeline.commit.transaction import Transaction, read_schemas
from albert_embed.pipeline.dataset.generation import Generation
from albert_embed.pipeline.dataset.manifest import Manifest, stamp_now
from albert_embed.pipeline.dataset.published_output import (
    PublishedFile,
    PublishedOutput,
    describe_damage,
    find_files,
    find_published_output,
)
from albert_embed.pipeline.dataset.read_embeddings import read_document_rows, read_tombstones
from albert_embed.pipeline.dataset.versions import choose_retained, read_manifest
from albert_embed.pipeline.formats.registry import make_format, make_formats
from albert_embed.pipeline.formats.shard_file import DamagedShardError
from albert_embed.pipeline.progress.display import Display, NoDisplay
from albert_embed.pipeline.progress.loop import Loop, watch_loop
from albert_embed.pipeline.settings.search_options import IndexOptions
from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.shards.read_indexed import read_indexed_rows
from albert_embed.pipeline.shards.row_counts import RowCounts, count_shard
from albert_embed.pipeline.shards.shard import list_data_files, list_index_files
from albert_embed.pipeline.storage.output_error import OutputError
from albert_embed.pipeline.writers.document_writer import DocumentWriter
from albert_embed.pipeline.writers.rolling_writer import FileWriter, Finished, RollingWriter
from albert_embed.pipeline.writers.shard_writer import ShardWriter
from albert_embed.pipeline.writers.write_documents import list_document_files
from albert_embed.pipeline.writers.write_shards import SHARD_BYTES
from albert_embed.transforms.rows.columns import ID

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Compaction:
    """The result of compacting.

    Attributes:
      manifest: of the output.
      before: the manifest that it had.
      published: False where the output already was one generation, so it is unchanged.
    """

    manifest: Manifest
    before: Manifest
    published: bool

    @property
    def freed_bytes(self) -> int:
        """How much smaller the data files have become."""
        return _count_bytes(self.before) - _count_bytes(self.manifest)


def compact_output(
    directory: str,
    *,
    shard_bytes: int = SHARD_BYTES,
    retain: int | None = None,
    beam_options: PipelineOptions | None = None,
    display: Display | None = None,
) -> Compaction:
    """Rewrites the output in `directory` to one generation of its live rows, and publishes that as a new version.

    It is a loop over files in this process; nothing is computed. Rows are read in batches of about 32 MB. Beside these,
    the index of one shard is in memory, and 24 bytes for each document that has dead rows. An index for search is built
    anew, in memory (`build_index`). Readers have the old version until the new one is complete; a process that dies
    leaves the old one.

    Args:
      directory: the output.
      shard_bytes: a shard is finished when its largest file has this many bytes.
      retain: how many earlier versions stay readable; None for as many as before.
      beam_options: say where the runner is that may still be writing to it.
      display: shows how far it is; None for nothing.

    Raises:
      OutputError: if it is not a finished output, another run is writing to it, or it is damaged.
      ShardWriteError, CommitFailedError: if there is no room for the new version, or the file system refuses.
      MissingLibraryError: as for `build_index`, where it has an index.
    """
    read_manifest(directory)  # so that only an output is claimed: claiming makes the folder
    transaction = Transaction(directory)
    before = transaction.begin(overwrite=False, add=True, beam_options=beam_options)
    try:
        if before is None:
            raise OutputError(f"{directory} no longer holds a finished output")
        if len(before.generations) <= 1 and not before.tombstone_shards:
            kept = retain_versions(directory, before, choose_retained(directory, retain, before))
            return Compaction(manifest=kept, before=before, published=False)
        with transaction.explain_failures():
            manifest = _stage(transaction, before, shard_bytes, display or NoDisplay())
            published = transaction.commit(manifest, read_schemas(directory), retain=retain)
        return Compaction(manifest=published, before=before, published=True)
    finally:
        transaction.end()


def _stage(transaction: Transaction, before: Manifest, shard_bytes: int, display: Display) -> Manifest:
    """Writes the live rows, and their index where there was one; returns the manifest that names them."""
    total = before.counts.rows + (before.counts.document_rows or 0)
    with watch_loop(display, "compacting", total=total, unit="rows") as loop:
        manifest = _stage_rows(transaction, before, shard_bytes, loop)
    if before.search_index is None:
        return manifest
    staging, version = transaction.staging, transaction.version
    anew = IndexOptions(directory=staging.directory, rebuild=True)
    return stage_index(manifest, staging, version=version, options=anew, display=display)


def _stage_rows(transaction: Transaction, before: Manifest, shard_bytes: int, loop: Loop) -> Manifest:
    """Writes the live rows, and returns the manifest that names them."""
    directory = transaction.staging.directory
    published = find_published_output(directory, before)
    logger.info("compacting %d generations of %s", len(before.generations), directory)
    formats, rows, metadata = _list_formats(before), before.row_schema, before.file_metadata
    staging = transaction.staging.path
    open_shard = partial(ShardWriter, staging, make_formats(formats, rows, metadata))
    shards = _write_rows(_read_live_rows(published), open_shard, shard_bytes, loop)
    found = sum(map(count_shard, shards), RowCounts())
    _check_counts(found, before, directory)
    documents: list[DataFile] = []
    if before.counts.document_rows is not None:
        open_file = partial(DocumentWriter, staging, make_formats(formats, rows.of_documents(), metadata))
        written = _write_rows(read_document_rows(published), open_file, shard_bytes, loop)
        documents = list_document_files([file for files in written for file in files], formats)
        _check_documents(documents, before, directory)
    created = stamp_now()
    return dataclasses.replace(
        before,
        created=created,
        shards=list_data_files(shards),
        index_shards=list_index_files(shards),
        document_shards=documents,
        tombstone_shards=[],
        generations=[Generation(created=created, counts=before.counts.row_counts)],
        changes=None,
    )


def _read_live_rows(published: PublishedOutput) -> Iterator[pa.RecordBatch]:
    """Yields the live rows, with the internal columns that are in the index.

    Raises:
      OutputError: if a file is damaged.
    """
    manifest = published.manifest
    format_ = make_format(published.format, manifest.row_schema)
    tombstones = read_tombstones(published)
    for file, index_file in zip(published.shards, _find_indexes(published), strict=True):
        try:
            for rows in read_indexed_rows(file.path, index_file.path, format_):
                live = tombstones.find_live(rows.column(ID), file.generation)
                yield rows if live is None else rows.filter(pa.array(live))
        except (DamagedShardError, OSError) as e:
            raise describe_damage(published.directory, str(e)) from e


def _find_indexes(published: PublishedOutput) -> list[PublishedFile]:
    """Finds the index of each data file: within a generation they have the same numbers."""
    indexes = find_files(published.directory, published.manifest.index_shards)
    if len(indexes) != len(published.shards):
        raise describe_damage(published.directory, f"{len(published.shards)} shards have {len(indexes)} indexes")
    return indexes


def _write_rows(
    batches: Iterator[pa.RecordBatch], open_writer: Callable[[], FileWriter[Finished]], file_bytes: int, loop: Loop
) -> list[Finished]:
    written: list[Finished] = []
    with RollingWriter(open_writer, max_bytes=file_bytes) as writer:
        for rows in batches:
            if rows.num_rows:
                written += writer.write(rows)
                loop.advance(rows.num_rows)
        return [*written, *writer.finish()]


def _list_formats(manifest: Manifest) -> list[str]:
    """Returns the names of the formats of the files that are there, the first sink's first."""
    return list(dict.fromkeys(file.format for file in (*manifest.shards, *manifest.document_shards) if file.format))


def _check_counts(found: RowCounts, before: Manifest, directory: str) -> None:
    expected = before.counts.row_counts
    if found != expected:
        counted = [dataclasses.asdict(counts) for counts in (found, expected)]
        raise describe_damage(directory, f"the data hold {counted[0]}, the manifest says {counted[1]}")


def _check_documents(written: Sequence[DataFile], before: Manifest, directory: str) -> None:
    found = sum(file.rows or 0 for file in written if file.format == written[0].format)
    expected = before.counts.document_rows
    if found != expected:
        raise describe_damage(directory, f"the data hold {found} rows of documents, the manifest says {expected}")


def _count_bytes(manifest: Manifest) -> int:
    return sum(file.bytes for file in (*manifest.shards, *manifest.document_shards))
