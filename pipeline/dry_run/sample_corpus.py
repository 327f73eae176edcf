"""Estimates what a corpus holds from a few ranges of its files."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from albert_embed.pipeline.embed.resolve_input import make_document_reader
from albert_embed.pipeline.inputs.file_input import FileInput
from albert_embed.pipeline.job.prepared_run import PreparedRun
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.transforms.corpus.corpus_statistics import LONGER_IDS, CorpusStatistics
from albert_embed.transforms.graph.saved_transform import SavedTransform
from albert_embed.transforms.rows.columns import INPUT_IDS, PAIR, TEXT, TOKEN_COUNT, WINDOW_LENGTHS
from albert_embed.transforms.steps.failure import Failure

_RANGE_BYTES = 64 << 10
_RANGES = 16
# Files that can't be read in ranges are read whole; what is larger takes too long for a look.
_MAX_BYTES = 4 << 20


def sample_corpus(run: PreparedRun, given: FileInput, transform_directory: str) -> CorpusStatistics | None:
    """Reads evenly spread ranges, and scales what they hold to the size of the input.

    Args:
      run: says how texts become rows.
      given: the input.
      transform_directory: the saved graph that makes rows.

    Returns:
      The estimate; exact where all of the input is in the sample. What only a full pass can tell, such as duplicates,
      is 0. None where the files are too large to be read whole and can't be read in ranges, or hold no document.
    """
    opened = given.open_parts(RecordFields.of(run.options), _RANGE_BYTES)
    parts = [part for part in opened.parts if part.stored_bytes]
    chosen = [parts[place] for place in np.unique(np.linspace(0, len(parts) - 1, _RANGES).astype(int))] if parts else []
    sampled = sum(part.stored_bytes for part in chosen)
    if not sampled or sampled > _MAX_BYTES:
        return None
    reader = make_document_reader(opened.reader, run.options)
    reader.setup()
    batches = [found for part in chosen for found in reader.read(part) if not isinstance(found, Failure)]
    if not batches:
        return None
    return _scale(_count(run, batches, SavedTransform(transform_directory)), opened.stored_bytes / sampled)


def _count(run: PreparedRun, batches: list[pa.RecordBatch], transform: SavedTransform) -> CorpusStatistics:
    outputs = [(batch, transform.apply(batch.select(_texts(batch)))) for batch in batches]
    tokens = np.concatenate([out.column(TOKEN_COUNT).to_numpy() for _, out in outputs])
    lengths = np.concatenate(
        [out.column(WINDOW_LENGTHS).flatten().to_numpy(zero_copy_only=False) for _, out in outputs]
    )
    ids = np.concatenate([out.column(INPUT_IDS).flatten().to_numpy(zero_copy_only=False) for _, out in outputs])
    rows = np.bincount(lengths.astype(int), minlength=run.preprocessing.max_tokens + 1)
    return CorpusStatistics(
        documents=len(tokens),
        text_bytes=sum(int(batch.column(name).nbytes) for batch, _ in outputs for name in _texts(batch)),
        tokens=int(tokens.sum()),
        empty=int((tokens == 0).sum()),
        over_length=0,
        unknown_tokens=0,
        id_bytes=round(int(tokens.sum()) * (1 + sum(float((ids >= longer).mean()) for longer in LONGER_IDS))),
        distinct=len(tokens),
        longest=int(tokens.max(initial=0)),
        token_quantiles={},
        document_lengths={},
        row_lengths=tuple(rows.tolist()),
        letters={},
    )


def _texts(batch: pa.RecordBatch) -> list[str]:
    return [name for name in (TEXT, PAIR) if name in batch.schema.names]


def _scale(counts: CorpusStatistics, factor: float) -> CorpusStatistics:
    """Returns the counts of a corpus that is so many times as large."""
    scaled = ("documents", "text_bytes", "tokens", "empty", "id_bytes", "distinct")
    return dataclasses.replace(
        counts,
        **{name: round(getattr(counts, name) * factor) for name in scaled},
        row_lengths=tuple(round(count * factor) for count in counts.row_lengths),
    )
