"""`EmbedText`: embeds documents, as one composite PTransform."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.model.architecture.shape_vectors import shape_vectors
from albert_embed.model.architecture.vector_shape import VectorShape
from albert_embed.model.hosting.choose_engine import EngineName
from albert_embed.model.hosting.embeddings import EMBEDDING_COLUMNS
from albert_embed.model.hosting.handler import AlbertModelHandler
from albert_embed.pipeline.documents.prepare_documents import make_prepare_documents
from albert_embed.pipeline.embed.embed_prepared import EMBEDDINGS, EmbedPrepared
from albert_embed.pipeline.embed.embedding_settings import EmbeddingSettings
from albert_embed.pipeline.embed.open_model import open_model
from albert_embed.transforms.graph.preprocessing_config import LongDocuments, PreprocessingConfig
from albert_embed.transforms.rows.token_batches import TokenBatchConfig
from albert_embed.transforms.steps.outputs import COUNTS, FAILURES
from albert_embed.transforms.text.vocabulary import Vocabulary


class EmbedText(beam.PTransform[beam.PCollection[pa.RecordBatch], dict[str, beam.PCollection[Any]]]):
    """Embeds a PCollection of documents.

    Takes RecordBatches with a column `text` (binary or string), optionally `id`, and any other columns, which are
    passed through. Returns a dict of three PCollections: `embeddings`, RecordBatches with `id`, the other columns,
    `window`, `window_start`, `truncated`, `input_ids`, the requested embeddings (`model.hosting.embeddings`), and for
    later steps `content_hash` and `window_count` (`transforms.rows.columns`), one row per document or window;
    `failures`, a `transforms.steps.failure.Failure` for each document or window that could not be embedded; and
    `counts`, what the steps have counted (`transforms.steps.metrics.BundleCounts`).

    Example::

        import apache_beam as beam
        import pyarrow as pa
        from albert_embed import EmbedText

        embed_text = EmbedText.for_model("albert_base", embeddings=["pooled", "mean"])
        with beam.Pipeline() as pipeline:
            documents = pipeline | beam.Create([pa.RecordBatch.from_pydict({"id": ["a"], "text": ["Hello, world"]})])
            embedded = documents | embed_text
            embedded["embeddings"] | "PrintEmbeddings" >> beam.Map(print)
            embedded["failures"] | "PrintFailures" >> beam.Map(print)

    `for_model` chooses what the constructor takes.

    Args:
      transform_directory: a saved transform graph (`transforms.graph.transform_graph`), where the workers can read it.
      handler: hosts the model.
      batching: how rows are cut into padded batches.
      token_vocabulary: the vocabulary of the transform graph; adds every token's piece and the bytes of the
        text that it came from (`transforms.rows.token_columns`).
      reshuffle_batches: whether whole batches are spread over all workers before they are embedded, so that one large
        file that can't be split keeps all of them busy. Not for runners that hold shuffled data in memory.
      accelerator: a resource hint for the step that runs the model alone, such as `type:nvidia-l4;count:1;…`, so that
        Dataflow gives only that step's workers a GPU. Batches are reshuffled before it: steps that are fused share
        their workers. Those behind it stay with it, because a row with its vectors costs more to move than to write.
      shape: what becomes of each vector: it may be cut to its first values, and scaled to length 1.

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
        shape: VectorShape | None = None,
    ) -> None:
        super().__init__()
        self._embed = EmbedPrepared(
            transform_directory=transform_directory,
            handler=handler,
            batching=batching,
            token_vocabulary=token_vocabulary,
            reshuffle_batches=reshuffle_batches,
            accelerator=accelerator,
        )
        self._columns = tuple(EMBEDDING_COLUMNS[name] for name in handler.embeddings)
        self._shape = VectorShape() if shape is None else shape

    @classmethod
    def for_model(
        cls,
        model: str,
        *,
        embeddings: Sequence[str] = ("pooled",),
        max_tokens: int | None = None,
        long_documents: LongDocuments = "truncate",
        window_overlap: int = PreprocessingConfig.window_overlap,
        pair: bool = False,
        tokens: bool = False,
        dimensions: int | None = None,
        accept_dimensions: bool = False,
        normalize: bool = False,
        batch_tokens: int | None = None,
        engine: EngineName = "tensorflow",
        transform_directory: str | None = None,
        reshuffle_batches: bool = False,
    ) -> EmbedText:
        """Makes the step for a model in one call. Saves a transform graph that fits the model.

        Args:
          model: a SavedModel's directory, local or remote, or a TF Hub handle: the workers must find it there, too. Or
            `default`, the small model that comes with this package.
          embeddings: which of `pooled`, `sequence`, `mean` and `sentence` to compute.
          max_tokens: maximum tokens per row; None means 512, or what the model has positions for.
          long_documents: what becomes of longer documents: `truncate`, `window` or `reject`.
          window_overlap: tokens that consecutive windows share.
          pair: whether documents have a column `pair`, the second text of each.
          tokens: whether to add every token's piece and the bytes of the text that it came from.
          dimensions: how many values of each vector are kept, the first ones; None means all.
          accept_dimensions: whether to cut vectors of a model that is not known to be trained for it.
          normalize: whether each vector is scaled to length 1.
          batch_tokens: maximum padded tokens per batch; None chooses by whether this machine has a GPU. Give it where
            the workers are other machines.
          engine: what executes the model: `tensorflow`, `openvino`, `jax` or `auto`. With `auto` batches are cut for
            what this machine would choose: name it where the workers are other machines.
          transform_directory: where to save the transform graph, as a path that every worker can read, such as
            `gs://bucket/transform`. None saves it to a temporary folder of this machine that goes when this process
            ends: for pipelines that run here, and end before it does.
          reshuffle_batches: as in the constructor.

        Raises:
          ValueError: if the model can't be used, or an option does not go with it.
          OSError: if the graph can't be saved.
        """
        settings = EmbeddingSettings(
            model=model,
            embeddings=tuple(embeddings),
            max_tokens=max_tokens,
            long_documents=long_documents,
            window_overlap=window_overlap,
            pair=pair,
            dimensions=dimensions,
            accept_dimensions=accept_dimensions,
            normalize=normalize,
            engine=engine,
            batch_tokens=batch_tokens,
        )
        opened = open_model(model)
        prepared = settings.prepare(opened, transform_directory)
        return cls(
            transform_directory=prepared.transform_directory,
            handler=prepared.make_handler(),
            batching=prepared.choose_batching(PipelineOptions([])),
            token_vocabulary=opened.vocabulary if tokens else None,
            reshuffle_batches=reshuffle_batches,
            shape=settings.shape,
        )

    def expand(self, documents: beam.PCollection[pa.RecordBatch]) -> dict[str, beam.PCollection[Any]]:
        prepared = documents | "PrepareDocuments" >> make_prepare_documents()
        embedded = prepared.passed | "EmbedPrepared" >> self._embed
        failures = (prepared.failures, embedded[FAILURES]) | "AllFailures" >> beam.Flatten()
        counts = (prepared.counts, embedded[COUNTS]) | "AllCounts" >> beam.Flatten()
        rows = embedded[EMBEDDINGS]
        if not self._shape.changes_nothing:
            shape = partial(shape_vectors, columns=self._columns, shape=self._shape)
            rows = rows | "ShapeVectors" >> beam.Map(shape)
        return {EMBEDDINGS: rows, FAILURES: failures, COUNTS: counts}
