"""Chooses which vectors of a dataset a search compares, and how a query's vector is made."""

from __future__ import annotations

import dataclasses

from albert_embed.model.hosting.embeddings import EMBEDDING_COLUMNS
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.settings.embed_choices import DOCUMENT
from albert_embed.transforms.rows.columns import DOCUMENT_OUTPUT, SEQUENCE_OUTPUT

# Where the user names none, the first of these that a dataset has is searched. The mean of all tokens distinguishes
# texts better than ALBERT's pooled output, which was trained to predict the order of two sentences.
_PREFERRED = ("sentence", DOCUMENT, "mean", "pooled")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchedEmbedding:
    """The vectors that are compared.

    Attributes:
      name: its name in `--embeddings`.
      column: its column.
      query: the embedding to compute for a query: a document's vector is the mean over all its tokens, so its queries
        are means too.
      of_documents: whether the rows are those of documents.
    """

    name: str
    column: str
    query: str
    of_documents: bool


def choose_embedding(wanted: str | None, available: tuple[str, ...]) -> SearchedEmbedding:
    """Chooses the embedding to search.

    Args:
      wanted: the one that the user names; None for the best one.
      available: the embeddings of the dataset, as `--embeddings` names them.

    Raises:
      ValueError: if the dataset lacks it, or it is not one vector per row.
    """
    searchable = [name for name in available if name == DOCUMENT or EMBEDDING_COLUMNS[name] != SEQUENCE_OUTPUT]
    if not searchable:
        raise ValueError(
            f"the dataset has only {', '.join(available)}, which is not one vector per row; embed the corpus with "
            "--embeddings mean to search it"
        )
    name = wanted or min(searchable, key=lambda name: _PREFERRED.index(name) if name in _PREFERRED else -1)
    if name not in searchable:
        raise ValueError(
            f"--embedding is {wanted!r}, which can't be searched here; choose from {', '.join(searchable)}"
        )
    if name == DOCUMENT:
        return SearchedEmbedding(name=name, column=DOCUMENT_OUTPUT, query="mean", of_documents=True)
    return SearchedEmbedding(name=name, column=EMBEDDING_COLUMNS[name], query=name, of_documents=False)


def choose_searched(manifest: Manifest, wanted: str | None = None) -> SearchedEmbedding:
    """Chooses the embedding of a dataset to search; takes and raises what `choose_embedding` does."""
    return choose_embedding(wanted, tuple(manifest.options["embeddings"]))
