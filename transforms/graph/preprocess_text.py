"""The Beam transform that turns documents into model inputs, with a saved tf.Transform graph.

The graph is applied by a DoFn of our own and not by `tft_beam.TransformDataset`. That one passes columns through only
where their names and types are known before the pipeline runs, and only lists. Here the documents' other columns pass
through unchanged, whatever they are, nulls and nested types included.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.utils.shared import Shared

from albert_embed.transforms.process.worker_threads import WorkerThreads
from albert_embed.transforms.steps import metrics
from albert_embed.transforms.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from albert_embed.transforms.graph.saved_transform import SavedTransform
    from albert_embed.transforms.text.token_spans import TokenLocator


class PreprocessText(beam.PTransform[beam.PCollection[Any], beam.PCollection[Any]]):
    """Turns RecordBatches of documents into RecordBatches of model inputs, one row per document.

    Takes batches {id, text[, pair], other columns}; gives {id, other columns, input_ids[, segment_ids], truncated,
    window_lengths, window_starts, token_count}, and with `token_vocabulary` the columns of `add_token_columns`.
    `explode_windows` then makes one row per window.
    """

    def __init__(
        self,
        transform_directory: str,
        *,
        token_vocabulary: Vocabulary | None = None,
        threads: WorkerThreads | None = None,
    ) -> None:
        """Takes the directory that `save_transform_graph` wrote, which is read when the pipeline runs.

        With `token_vocabulary`, which must be the graph's own, every token's piece and position are added. `threads`
        says how many TensorFlow may use in a worker process; None means all cores.
        """
        super().__init__()
        self._transform_directory = transform_directory
        self._token_vocabulary = token_vocabulary
        self._threads = threads

    def expand(self, batches: beam.PCollection[Any]) -> beam.PCollection[Any]:
        """Wires the transform."""
        rows: beam.PCollection[Any] = batches | "ApplyTransformGraph" >> beam.ParDo(
            _ApplyTransformGraph(self._transform_directory, self._token_vocabulary, self._threads)
        )
        return rows


@beam.typehints.with_input_types(pa.RecordBatch)
@beam.typehints.with_output_types(pa.RecordBatch)
class _ApplyTransformGraph(beam.DoFn):
    """Applies a saved transform graph, loaded with the first batch, once per process, and shared by its threads."""

    def __init__(
        self, transform_directory: str, token_vocabulary: Vocabulary | None, threads: WorkerThreads | None = None
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Beam's __init__
        self._transform_directory = transform_directory
        self._token_vocabulary = token_vocabulary
        self._threads = WorkerThreads() if threads is None else threads
        self._shared = Shared()
        self._shared_locator = Shared()
        self._transform: SavedTransform | None = None
        self._locator: TokenLocator | None = None

    def process(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Preprocess one batch.

        Raises:
          TransformMismatchError: if the directory holds no finished graph.
          ValueError: if a text column is missing or not text, or another column has the name of an output.
        """
        if self._transform is None:  # not in `setup`: a run that has nothing to embed does without TensorFlow
            self._transform = self._load()
        with metrics.count_usecs(metrics.PREPROCESS_USECS):
            result = self._transform.apply(batch)
            if self._locator is not None:
                from albert_embed.transforms.rows.token_columns import add_token_columns

                result = add_token_columns(result, batch, self._locator)
        yield result

    def _load(self) -> SavedTransform:
        """Loads the graph, or takes the one that another thread has loaded; and what locates tokens, if wanted."""
        from albert_embed.transforms.graph.saved_transform import SavedTransform

        self._threads.limit()  # before TensorFlow runs anything
        directory = self._transform_directory
        transform: SavedTransform = self._shared.acquire(lambda: SavedTransform(directory), tag=directory)
        vocabulary = self._token_vocabulary
        if vocabulary is not None:
            from albert_embed.transforms.text.token_spans import TokenLocator

            lower_case = transform.description["options"]["lower_case"]
            self._locator = self._shared_locator.acquire(
                lambda: TokenLocator(vocabulary, lower_case=lower_case), tag=directory
            )
        return transform
