"""`EmbedText`: embeds documents, as one composite PTransform."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.ml.inference.base import RunInference
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.model.engines import EngineName
from albert_embed.model.handler import AlbertModelHandler, refuse_missing_outputs
from albert_embed.model.load_on_demand import LoadOnDemand
from albert_embed.pipeline.documents.prepare_documents import make_prepare_documents
from albert_embed.pipeline.embed.open_model import open_model
from albert_embed.pipeline.launch.batch_tokens import choose_batch_tokens
from albert_embed.pipeline.resume.drop_finished import DropFinished
from albert_embed.pipeline.resume.finished_shards import FinishedRows
from albert_embed.transforms import metrics
from albert_embed.transforms.columns import ID, TEXT_START, TOKEN_COUNT, TOKEN_STARTS, TRAVELLING_NAMES, TRUNCATED
from albert_embed.transforms.failure import Failure
from albert_embed.transforms.map_or_fail import MapOrFail
from albert_embed.transforms.preprocess_text import PreprocessText
from albert_embed.transforms.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.token_batches import BatchByTokens, TokenBatchConfig
from albert_embed.transforms.transform_graph import TransformMismatchError, read_description, save_transform_graph
from albert_embed.transforms.vocabulary import Vocabulary
from albert_embed.transforms.windows import drop_finished_windows, explode_windows

EMBEDDINGS = "embeddings"
FAILURES = "failures"
COUNTS = "counts"
MET = "met"


class EmbedText(beam.PTransform[beam.PCollection[pa.RecordBatch], dict[str, beam.PCollection[Any]]]):
    """Embeds a PCollection of documents.

    Takes RecordBatches with a column `text` (binary or string), optionally `id`, and any other columns, which are
    passed through. Returns a dict of three PCollections: `embeddings`, RecordBatches with `id`, the other columns,
    `window`, `window_start`, `truncated`, `input_ids`, the requested embeddings (`model.handler`), and for later steps
    `content_hash` and `window_count` (`transforms.columns`), one row per document or window; `failures`, a
    `transforms.failure.Failure` for each document or window that could not be embedded; and `counts`, what the steps
    have counted (`transforms.metrics.BundleCounts`).

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
      transform_directory: a saved transform graph (`transforms.transform_graph`), where the workers can read it.
      handler: hosts the model.
      batching: how rows are cut into padded batches.
      token_vocabulary: the vocabulary of the transform graph; adds every token's piece and the bytes of the
        text that it came from (`transforms.token_columns`).
      select: selects documents, once they are checked and have `id`, `content_hash` and `text_start`; None means all.
      finished: rows of an earlier run that are not embedded again; adds the output `met`
        (`pipeline.resume.drop_finished`).
      reshuffle_batches: whether whole batches are spread over all workers before they are embedded, so that one large
        file that can't be split keeps all of them busy. Not for runners that hold shuffled data in memory.
      accelerator: a resource hint for the step that runs the model alone, such as `type:nvidia-l4;count:1;…`, so that
        Dataflow gives only that step's workers a GPU. Batches are reshuffled before it: steps that are fused share
        their workers. Those behind it stay with it, because a row with its vectors costs more to move than to write.

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
        select: MapOrFail | None = None,
        finished: FinishedRows | None = None,
        reshuffle_batches: bool = False,
        accelerator: str | None = None,
    ) -> None:
        super().__init__()
        self._transform_directory = transform_directory
        self._select = select
        self._handler = handler
        self._batching = batching
        self._token_vocabulary = token_vocabulary
        self._finished = finished
        self._reshuffle_batches = reshuffle_batches
        self._accelerator = accelerator

    @classmethod
    def for_model(
        cls,
        model: str,
        *,
        embeddings: Sequence[str] = ("pooled",),
        max_tokens: int | None = None,
        long_documents: Literal["truncate", "window", "reject"] = "truncate",
        window_overlap: int = PreprocessingConfig.window_overlap,
        pair: bool = False,
        tokens: bool = False,
        batch_tokens: int | None = None,
        engine: EngineName = "tensorflow",
        transform_directory: str | None = None,
        reshuffle_batches: bool = False,
    ) -> EmbedText:
        """Makes the step for a model in one call. Saves a transform graph that fits the model.

        Args:
          model: a SavedModel's directory, local or remote, or a TF Hub handle. The workers must find it there, too.
          embeddings: which of `pooled`, `sequence` and `mean` to compute.
          max_tokens: maximum tokens per row; None means 512, or what the model has positions for.
          long_documents: what becomes of longer documents: `truncate`, `window` or `reject`.
          window_overlap: tokens that consecutive windows share.
          pair: whether documents have a column `pair`, the second text of each.
          tokens: whether to add every token's piece and the bytes of the text that it came from.
          batch_tokens: maximum padded tokens per batch; None chooses by whether this machine has a GPU. Give it where
            the workers are other machines.
          engine: what executes the model: `tensorflow`, `openvino` or `auto`.
          transform_directory: where to save the transform graph, as a path that every worker can read, such as
            `gs://bucket/transform`. None saves it to a temporary folder of this machine that goes when this process
            ends: for pipelines that run here, and end before it does.
          reshuffle_batches: as in the constructor.

        Raises:
          ValueError: if the model can't be used, or an option does not go with it.
          OSError: if the graph can't be saved.
        """
        opened = open_model(model)
        preprocessing = opened.fit_preprocessing(
            max_tokens=max_tokens, long_documents=long_documents, window_overlap=window_overlap, pair=pair
        )
        longest = preprocessing.max_tokens
        batching = TokenBatchConfig(
            batch_tokens=choose_batch_tokens(batch_tokens, max_tokens=longest, beam_options=PipelineOptions([])),
            max_tokens=longest,
        )
        handler = AlbertModelHandler(model, embeddings=embeddings, engine=engine)
        refuse_missing_outputs(embeddings, opened.directory.outputs, model)
        if transform_directory is None:
            transform_directory = tempfile.mkdtemp(prefix="albert_embed_transform_")
            atexit.register(shutil.rmtree, transform_directory, ignore_errors=True)
        save_transform_graph(opened.vocabulary, preprocessing, transform_directory)
        return cls(
            transform_directory=transform_directory,
            handler=handler,
            batching=batching,
            token_vocabulary=opened.vocabulary if tokens else None,
            reshuffle_batches=reshuffle_batches,
        )

    def expand(self, documents: beam.PCollection[pa.RecordBatch]) -> dict[str, beam.PCollection[Any]]:
        description = read_description(self._transform_directory)
        options = description["options"]
        vocabulary = self._token_vocabulary
        if vocabulary is not None and vocabulary.fingerprint != description["vocabulary"]["sha256"]:
            raise TransformMismatchError(
                f"token_vocabulary is {vocabulary.source}, but the transform graph in {self._transform_directory} was "
                "made with another vocabulary; give the one that it was made with"
            )
        prepared = documents | "PrepareDocuments" >> make_prepare_documents()
        chosen, failed, counts = prepared.passed, [prepared.failures], [prepared.counts]
        if self._select is not None:
            selected = chosen | "SelectDocuments" >> self._select
            chosen, failed = selected.passed, [*failed, selected.failures]
            counts.append(selected.counts)
        rows = (
            chosen
            | "PreprocessText"
            >> PreprocessText(self._transform_directory, token_vocabulary=vocabulary, threads=self._handler.threads)
            | "SplitWindows"
            >> MapOrFail(
                partial(split_windows, reject=options["long_documents"] == "reject", max_tokens=options["max_tokens"])
            )
        )
        outputs = {}
        wanted = rows.passed
        if self._finished is not None:
            dropped = wanted | "DropFinished" >> DropFinished(self._finished)
            wanted, outputs[MET] = dropped["rows"], dropped["met"]
            counts.append(dropped["counts"])
        batches = wanted | "BatchByTokens" >> BatchByTokens(self._batching)
        if self._reshuffle_batches or self._accelerator is not None:
            batches = batches | "SpreadBatches" >> beam.Reshuffle()
        run_inference: beam.PTransform[Any, Any] = RunInference(LoadOnDemand(self._handler))
        if self._accelerator is not None:
            run_inference = run_inference.with_resource_hints(accelerator=self._accelerator)
        embedded = batches | "RunInference" >> run_inference | "DropTextStart" >> MapOrFail(drop_text_start)
        failures = (*failed, rows.failures, embedded.failures) | "FlattenFailures" >> beam.Flatten()
        counted = (*counts, rows.counts, embedded.counts) | "FlattenCounts" >> beam.Flatten()
        return {**outputs, EMBEDDINGS: embedded.passed, FAILURES: failures, COUNTS: counted}


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
    return drop_finished_windows(explode_windows(documents)), failures


def drop_text_start(rows: pa.RecordBatch) -> tuple[pa.RecordBatch, list[Failure]]:
    """Drops `text_start`, which only failures need, and gives kept fields their names (`TRAVELLING_NAMES`)."""
    rows = rows.drop_columns([TEXT_START])
    names = {travelling: name for name, travelling in TRAVELLING_NAMES.items()}
    return rows.rename_columns([names.get(name, name) for name in rows.schema.names]), []
