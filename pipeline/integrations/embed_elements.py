"""`EmbedElements`: embeds the texts of elements of any type, with `EmbedText`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.coders import Coder, registry
from apache_beam.coders.coders import FastPrimitivesCoder
from apache_beam.ml.inference.base import RunInferenceDLQ
from apache_beam.typehints.row_type import RowTypeConstraint

from albert_embed.model.architecture.shape_vectors import shape_vectors
from albert_embed.pipeline.embed.combine_documents import CombineDocuments
from albert_embed.pipeline.embed.embed_prepared import EMBEDDINGS
from albert_embed.pipeline.embed.embed_text import EmbedText
from albert_embed.pipeline.embed.open_model import open_model
from albert_embed.pipeline.integrations.element_batches import (
    Outcome,
    PackElements,
    carry_vectors,
    list_outcomes,
    name_text,
    name_vector,
    unpack_element,
)
from albert_embed.pipeline.integrations.element_settings import ElementSettings
from albert_embed.pipeline.integrations.element_texts import ElementTexts, EmbeddingError
from albert_embed.pipeline.settings.field_type import STRING, FieldType
from albert_embed.transforms.steps.failure import Failure
from albert_embed.transforms.steps.outputs import DOCUMENTS, FAILURES


class EmbedElements(beam.PTransform[beam.PCollection[Any], Any]):
    """Puts the vectors of their texts into elements, such as dicts or chunks.

    The texts of one position after the other go through `EmbedText`, with the model loaded once. Nothing is shuffled,
    unless windows have to meet: then a streaming pipeline needs windows of its own.

    An element that can't be embedded ends the pipeline with `EmbeddingError`, or with `with_exception_handling` goes to
    the failed inferences, as with RunInference: then the result is `(elements, RunInferenceDLQ)`.

    Args:
      settings: with what texts are embedded.
      texts: takes texts of elements, and puts vectors into them.
      transform_directory: where to save the transform graph (`EmbeddingSettings.prepare`).

    Raises:
      ValueError, OSError: as `EmbeddingSettings.prepare`.
    """

    def __init__(self, settings: ElementSettings, texts: ElementTexts, transform_directory: str | None = None) -> None:
        super().__init__()
        self._settings = settings
        self._prepared = settings.prepare(open_model(settings.model), transform_directory)
        self._texts = texts
        self._exception_handling: dict[str, Any] | None = None

    def with_exception_handling(self, **arguments: Any) -> EmbedElements:
        """Sends elements that can't be embedded to a second output.

        Args:
          arguments: those of `ParDo.with_exception_handling`, such as `threshold`.
        """
        self._exception_handling = arguments
        return self

    def annotations(self) -> dict[str, Any]:
        """Returns what dead letters of MLTransform call this step."""
        return {"model_handler": "AlbertEmbeddings", **super().annotations()}

    def expand(self, elements: beam.PCollection[Any]) -> Any:
        coder = choose_coder(elements.element_type)
        packed = elements | "PackElements" >> beam.ParDo(PackElements(self._texts, coder)).with_outputs(
            FAILURES, main="packed"
        )
        rows, failures = packed["packed"], [packed[FAILURES]]
        embed = EmbedText(
            transform_directory=self._prepared.transform_directory,
            handler=self._prepared.make_handler(),
            batching=self._prepared.choose_batching(elements.pipeline.options),
        )
        for position, name in enumerate(self._texts.names):
            embedded = rows | f"EmbedText{position}" >> embed
            rows, failed = self._combine(embedded, position)
            rows = rows | f"CarryVectors{position}" >> beam.Map(
                partial(shape_and_carry, settings=self._settings, position=position, texts=len(self._texts.names))
            )
            failures.append(failed | f"NameText{position}" >> beam.Map(name_failed_text, name))
        outcomes = (
            rows | "ListOutcomes" >> beam.FlatMap(list_outcomes),
            failures | "Failures" >> beam.Flatten() | "ListFailures" >> beam.Map(make_failed_outcome),
        ) | "Outcomes" >> beam.Flatten()
        finish = beam.ParDo(FinishElements(self._texts, coder))
        if self._exception_handling is None:
            return outcomes | "FinishElements" >> finish
        finished, failed = outcomes | "FinishElements" >> finish.with_exception_handling(**self._exception_handling)
        letters = failed | "UnpackFailed" >> beam.Map(unpack_failed, coder)
        return finished, RunInferenceDLQ(letters, [], [])

    def _combine(
        self, embedded: dict[str, beam.PCollection[Any]], position: int
    ) -> tuple[beam.PCollection[pa.RecordBatch], beam.PCollection[Failure]]:
        """Returns one row for each text, and one failure at most for each element."""
        if not self._settings.combines_windows:
            return embedded[EMBEDDINGS], embedded[FAILURES]
        vectors = [name_vector(before, name) for before in range(position) for name in self._settings.columns]
        texts = [name_text(following) for following in range(1, len(self._texts.names) - position)]
        kept = dict.fromkeys([*vectors, *texts], FieldType(value=STRING))
        combined = embedded[EMBEDDINGS] | f"CombineWindows{position}" >> CombineDocuments(kept)
        failures = (
            (embedded[FAILURES], combined[FAILURES])
            | f"WindowFailures{position}" >> beam.Flatten()
            | f"KeyFailures{position}" >> beam.WithKeys(lambda failure: failure.id)
            | f"FailuresOfText{position}" >> beam.GroupByKey()
            | f"FirstFailure{position}" >> beam.MapTuple(choose_failure)
        )
        return combined[DOCUMENTS], failures


class FinishElements(beam.DoFn):
    """Puts vectors into their elements; raises `EmbeddingError` for one that failed.

    Args:
      texts: puts vectors into elements.
      coder: of the elements.
    """

    def __init__(self, texts: ElementTexts, coder: Coder) -> None:
        self._texts = texts
        self._coder = coder

    def process(self, outcome: Outcome) -> Iterator[Any]:
        if outcome.error is not None:
            raise EmbeddingError(outcome.error)
        yield self._texts.put(unpack_element(outcome.id, self._coder), list(outcome.vectors))


def choose_coder(element_type: Any) -> Coder:
    """Returns the coder by which elements travel: rows of a schema by Beam's for it, all others by one for any value.

    The type of others is not relied on: a wrong type hint does no harm in a pipeline that never encodes its elements.
    """
    if RowTypeConstraint.from_user_type(element_type) is not None or isinstance(element_type, RowTypeConstraint):
        return registry.get_coder(element_type)
    return FastPrimitivesCoder()


def shape_and_carry(rows: pa.RecordBatch, *, settings: ElementSettings, position: int, texts: int) -> pa.RecordBatch:
    """Cuts and normalises the vectors of one text, and carries them on (`carry_vectors`)."""
    shaped = shape_vectors(rows, columns=settings.columns, shape=settings.shape)
    return carry_vectors(shaped, position=position, columns=settings.columns, texts=texts)


def name_failed_text(failure: Failure, name: str) -> Failure:
    """Returns a failure whose error says which text of the element it was."""
    return dataclasses.replace(failure, error=f"{name}: {failure.error}")


def choose_failure(_: bytes, failures: Iterable[Failure]) -> Failure:
    """Returns the failure that says most: that of the first window, not that the document is therefore incomplete."""
    return min(failures, key=lambda failure: (failure.stage == "combine", failure.window or 0))


def make_failed_outcome(failure: Failure) -> Outcome:
    """Returns what became of an element that failed."""
    return Outcome(id=failure.id, error=failure.error)


def unpack_failed(failed: tuple[Outcome, tuple[Any, ...]], coder: Coder) -> tuple[Any, tuple[Any, ...]]:
    """Returns `(element, (type, message, stack))` of an element that failed, as RunInference does."""
    outcome, error = failed
    return unpack_element(outcome.id, coder), error
