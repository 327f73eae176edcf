"""`index_output`: makes an index beside the rows of a finished output, and publishes both as a new version."""

from __future__ import annotations

import dataclasses

from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.pipeline.commit.publish import retain_versions
from albert_embed.pipeline.commit.stage_index import is_current, stage_index
from albert_embed.pipeline.commit.transaction import Transaction, read_schemas
from albert_embed.pipeline.dataset.manifest import Manifest, stamp_now
from albert_embed.pipeline.dataset.read_embeddings import refuse_rows_in_table
from albert_embed.pipeline.dataset.search_index import SearchIndex
from albert_embed.pipeline.dataset.versions import choose_retained, read_manifest
from albert_embed.pipeline.progress.display import Display, NoDisplay
from albert_embed.pipeline.settings.search_options import IndexOptions
from albert_embed.pipeline.storage.output_error import OutputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Indexing:
    """The result of making an index.

    Attributes:
      version: of the output.
      index: that it has.
      bytes: size of the file.
      retain: how many earlier versions stay readable.
      published: False where there was such an index already, so that the output is unchanged.
    """

    version: int
    index: SearchIndex
    bytes: int
    retain: int
    published: bool


def index_output(
    options: IndexOptions, *, display: Display | None = None, beam_options: PipelineOptions | None = None
) -> Indexing:
    """Makes the index, in this process, from the live rows of the latest version.

    The new version has the files of the one before, and the index: readers see both at once. An index that is there
    already is updated.

    Args:
      options: say of what.
      display: shows how far it is; None for nothing.
      beam_options: say where the runner is that may still be writing to it.

    Raises:
      OutputError: if it is not a finished output, another run is writing to it, or it is damaged.
      ValueError: if it lacks the embedding.
      MissingLibraryError: as for `build_index`.
      CommitFailedError: if there is no room for it, or the file system refuses.
    """
    directory = options.directory
    refuse_rows_in_table(directory, read_manifest(directory))
    transaction = Transaction(directory)
    latest = transaction.begin(overwrite=False, add=True, beam_options=beam_options)
    try:
        if latest is None:
            raise OutputError(f"{directory} no longer holds a finished output")
        if is_current(latest, options) and not options.rebuild:
            kept = retain_versions(directory, latest, choose_retained(directory, options.retain, latest))
            return _describe(kept, published=False)
        staging, version = transaction.staging, transaction.version
        with transaction.explain_failures():
            indexed = stage_index(latest, staging, version=version, options=options, display=display or NoDisplay())
            created = stamp_now()
            manifest = dataclasses.replace(indexed, created=created)
            published = transaction.commit(manifest, read_schemas(directory), retain=options.retain)
        return _describe(published, published=True)
    finally:
        transaction.end()


def _describe(manifest: Manifest, *, published: bool) -> Indexing:
    assert manifest.search_index is not None
    return Indexing(
        version=manifest.generation,
        index=manifest.search_index,
        bytes=sum(file.bytes for file in manifest.search_index_files),
        retain=manifest.retain,
        published=published,
    )
