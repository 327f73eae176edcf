"""`stage_index`: makes the index of a version that is not published yet, so that both are published at once."""

from __future__ import annotations

import dataclasses
import os
import tempfile
import uuid

from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.commit.staging import StagingFolder
from albert_embed.pipeline.dataset.layout import STAGING
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.published_output import PublishedFile, PublishedOutput, choose_format, find_files
from albert_embed.pipeline.dataset.search_index import INDEX_FORMAT, SearchIndex
from albert_embed.pipeline.nearest.build_index import EarlierIndex, build_index
from albert_embed.pipeline.nearest.fetch_index import fetch_index
from albert_embed.pipeline.nearest.searchable_rows import SearchableRows
from albert_embed.pipeline.nearest.searched_embedding import SearchedEmbedding, choose_searched
from albert_embed.pipeline.progress.display import Display
from albert_embed.pipeline.settings.search_options import IndexOptions, Metric
from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.transforms.files.directories import is_remote
from albert_embed.transforms.files.literal_files import copy_file


def stage_index(
    manifest: Manifest,
    staging: StagingFolder,
    *,
    version: int,
    options: IndexOptions,
    display: Display,
    replaced: SearchIndex | None = None,
) -> Manifest:
    """Makes an index of the rows of a version, and returns its manifest with the index.

    Attempts that run at the same time write different files.

    Args:
      manifest: of the version; names files that are staged, as RUN/NAME, and published ones. If it names an index of an
        earlier version, that is updated where it can be.
      staging: the folder of the run.
      version: the number that the version gets.
      options: what the index is of.
      display: shows how far it is.
      replaced: the index of a version of which this one has no rows; the new one is of the same kind, where it can be.

    Raises:
      ValueError: if the dataset lacks the embedding.
      OutputError, MissingLibraryError, OSError: as for `build_index`.
    """
    target = choose_target(manifest, options, replaced)
    output = _find_output(manifest, staging.directory, version)
    name = f"search-{uuid.uuid4().hex[:12]}.{INDEX_FORMAT}"
    with tempfile.TemporaryDirectory(prefix="albert-embed-index-") as local:
        remote = is_remote(staging.directory)
        if not remote:
            os.makedirs(staging.path, exist_ok=True)
        path = os.path.join(local, name) if remote else staging.join(name)
        described = build_index(
            SearchableRows(output=output, searched=target.searched),
            metric=target.metric,
            version=version,
            path=path,
            display=display,
            earlier=None if options.rebuild else _find_earlier(output, local),
        )
        size = os.path.getsize(path)
        if remote:
            copy_file(path, staging.join(name))
    file = DataFile(path=f"{staging.run}/{name}", bytes=size, format=INDEX_FORMAT, rows=described.rows)
    return dataclasses.replace(manifest, search_index=described, search_index_files=[file])


@dataclasses.dataclass(frozen=True, kw_only=True)
class IndexTarget:
    """Of what an index is made, with nothing left open.

    Attributes:
      searched: the vectors.
      metric: how they are compared.
    """

    searched: SearchedEmbedding
    metric: Metric


def choose_target(manifest: Manifest, options: IndexOptions, replaced: SearchIndex | None = None) -> IndexTarget:
    """Returns of what an index is made: what the options leave open is as in the index that the manifest names.

    Where it names none, it is as in the one that is replaced, if the dataset has its embedding.

    Raises:
      ValueError: if the dataset lacks the embedding.
    """
    there = manifest.search_index or replaced
    if there is not None and there.embedding not in manifest.options["embeddings"]:
        there = None
    embedding = options.embedding or (None if there is None else there.embedding)
    return IndexTarget(
        searched=choose_searched(manifest, embedding),
        metric=options.metric or ("cosine" if there is None else there.metric),
    )


def is_current(manifest: Manifest, options: IndexOptions) -> bool:
    """Returns whether the index that a published version names is of that version, and as the options want it."""
    there = manifest.search_index
    if there is None or not manifest.has_current_index:
        return False
    wanted = choose_target(manifest, options)
    return (there.embedding, there.metric) == (wanted.searched.name, wanted.metric)


def _find_output(manifest: Manifest, directory: str, version: int) -> PublishedOutput:
    """Finds the files of a version that is not published yet, as if they were in their places."""

    def find(files: list[DataFile]) -> list[PublishedFile]:
        published = iter(find_files(directory, [file for file in files if file.is_published]))
        return [
            next(published)
            if file.is_published
            else PublishedFile(path=FileSystems.join(directory, STAGING, file.path), generation=version)
            for file in files
        ]

    chosen = choose_format(manifest)
    return PublishedOutput(
        directory=directory,
        manifest=manifest,
        shards=find([file for file in manifest.shards if file.format == chosen]),
        documents=find([file for file in manifest.document_shards if file.format == chosen]),
        tombstones=find(manifest.tombstone_shards),
        failures=[],
        search_index=find(manifest.search_index_files),
    )


def _find_earlier(output: PublishedOutput, local: str) -> EarlierIndex | None:
    described = output.manifest.search_index
    if described is None:
        return None
    return EarlierIndex(described=described, path=fetch_index(output.search_index[0].path, local))
