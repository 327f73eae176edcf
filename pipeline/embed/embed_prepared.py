"""`EmbedPrepared`: embeds documents that were checked and hashed, the part of `EmbedText` after that."""

from __future__ import annotations

from functools import partial
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from albert_embed.model.hosting.handler import AlbertModelHandler
from albert_embed.model.streams.run_model import RunModel
from albert_embed.transforms.graph.preprocess_text import PreprocessText
from albert_embed.transforms.graph.transform_graph import TransformMismatchError, read_description
from albert_embed.transforms.rows.columns import ID, TEXT_START, TOKEN_COUNT, TOKEN_STARTS, TRAVELLING_NAMES, TRUNCATED
from albert_embed.transforms.rows.token_batches import BatchByTokens, TokenBatchConfig
from albert_embed.transforms.rows.windows import drop_finished_windows, explode_windows
from albert_embed.transforms.steps import metrics
from albert_embed.transforms.steps.failure import Failure
from albert_embed.transforms.steps.map_or_fail import MapOrFail
from albert_embed.transforms.steps.outputs import COUNTS, FAILURES
from albert_embed.transforms.text.vocabulary import Vocabulary

EMBEDDINGS = "embeddings"


class EmbedPrepared(beam.PTransform[beam.PCollection[pa.RecordBatch], dict[str, beam.PCollection[Any]]]):
    """Embeds documents as `prepare_documents` gives them; what it returns, and the arguments, are those of `EmbedText`.

    Windows that a column `finished_windows` names are left out.

    Raises:
      TransformMismatchError: when applied, if the graph has another vocabulary than `token_vocabulary`.
    """

    def __init__(
        self,
        *,
        transform_directory: str,
        handler: AlbertModelHandler,
        batching: TokenBatchConfig,
        token_vocabulary: Vocabulary | None = None,
        reshuffle_batches: bool = False,
        accelerator: str | None = None,
    ) -> None:
        super().__init__()
        self._transform_directory = transform_directory
        self._handler = handler
        self._batching = batching
        self._token_vocabulary = token_vocabulary
        self._reshuffle_batches = reshuffle_batches
        self._accelerator = accelerator

    def expand(self, documents: beam.PCollection[pa.RecordBatch]) -> dict[str, beam.PCollection[Any]]:
        vocabulary = self._token_vocabulary
        options = read_options(self._transform_directory, vocabulary)
        rows = (
            documents
            | "PreprocessText"
            >> PreprocessText(self._transform_directory, token_vocabulary=vocabulary, threads=self._handler.threads)
            | "SplitWindows"
            >> MapOrFail(
                partial(split_windows, reject=options["long_documents"] == "reject", max_tokens=options["max_tokens"])
            )
        )
        batches = rows.passed | "BatchByTokens" >> BatchByTokens(self._batching)
        if self._reshuffle_batches or self._accelerator is not None:
            batches = batches | "SpreadBatches" >> beam.Reshuffle()
        embedded = (
            batches
            | "RunModel" >> RunModel(self._handler, accelerator=self._accelerator)
            | "DropTextStart" >> MapOrFail(drop_text_start)
        )
        return {
            EMBEDDINGS: embedded.passed,
            FAILURES: (rows.failures, embedded.failures) | "FlattenFailures" >> beam.Flatten(),
            COUNTS: (rows.counts, embedded.counts) | "FlattenCounts" >> beam.Flatten(),
        }


def read_options(transform_directory: str, token_vocabulary: Vocabulary | None) -> dict[str, Any]:
    """Reads with which options a transform graph was made.

    Args:
      transform_directory: of the graph.
      token_vocabulary: what it must have been made with; None takes any.

    Raises:
      TransformMismatchError: if there is no graph, or it was made with another vocabulary.
    """
    description = read_description(transform_directory)
    if token_vocabulary is not None and token_vocabulary.fingerprint != description["vocabulary"]["sha256"]:
        raise TransformMismatchError(
            f"token_vocabulary is {token_vocabulary.source}, but the transform graph in {transform_directory} was "
            "made with another vocabulary; give the one that it was made with"
        )
    return description["options"]


def split_windows(documents: pa.RecordBatch, *, reject: bool, max_tokens: int) -> tuple[pa.RecordBatch, list[Failure]]:
    """Turns documents as the transform graph gives them into one row per window.

    Windows that `finished_windows` names are left out. With `reject`, documents that are too long fail. Documents whose
    tokens could not be located always do.
    """
    failures = []
    if reject:
        too_long = pc.equal(documents.column(TRUNCATED), 1)
        failures += [
            Failure(
                id=document[ID],
                stage="preprocess",
                reason="too long",
                error=f"{document[TOKEN_COUNT]} tokens of text do not fit into max_tokens {max_tokens}; "
                "raise --max-tokens, or choose --long-documents truncate or window",
                text=document[TEXT_START],
            )
            for document in documents.filter(too_long).select([ID, TEXT_START, TOKEN_COUNT]).to_pylist()
        ]
        documents = documents.filter(pc.invert(too_long))
    if TOKEN_STARTS in documents.schema.names and documents.column(TOKEN_STARTS).null_count:
        located = documents.column(TOKEN_STARTS).is_valid()
        failures += [
            Failure(
                id=document[ID],
                stage="preprocess",
                reason="tokens not located",
                error="the transform graph gives other tokens than the libraries of this worker: build the "
                "graph with their versions, or leave --tokens out",
                text=document[TEXT_START],
            )
            for document in documents.filter(pc.invert(located)).select([ID, TEXT_START]).to_pylist()
        ]
        documents = documents.filter(located)
    metrics.increment(metrics.TRUNCATED, documents.column(TRUNCATED).sum().as_py() or 0)
    windows = drop_finished_windows(explode_windows(documents))
    metrics.increment(metrics.WINDOWS, windows.num_rows)
    return windows, failures


def drop_text_start(rows: pa.RecordBatch) -> tuple[pa.RecordBatch, list[Failure]]:
    """Drops `text_start`, which only failures need, and gives kept fields their names (`TRAVELLING_NAMES`)."""
    rows = rows.drop_columns([TEXT_START])
    names = {travelling: name for name, travelling in TRAVELLING_NAMES.items()}
    return rows.rename_columns([names.get(name, name) for name in rows.schema.names]), []
