"""`EmbedRows`: the transform `EmbedText` of Beam YAML, for rows with a schema."""

# Beam YAML takes the types of a transform's options from its constructor. It knows `Optional[int]`, but neither
# `int | None` nor types that are strings: so no `from __future__ import annotations`.
# ruff: noqa: UP045
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Optional

import apache_beam as beam
import numpy as np
from apache_beam.ml.transforms.base import EmbeddingTypeAdapter
from apache_beam.typehints.row_type import RowTypeConstraint
from apache_beam.typehints.schemas import named_fields_from_element_type
from apache_beam.yaml.yaml_errors import ErrorHandlingConfig, exception_handling_args, map_errors_to_standard_format

from albert_embed.model.hosting.embeddings import EMBEDDING_COLUMNS
from albert_embed.pipeline.integrations.element_settings import ElementSettings
from albert_embed.pipeline.integrations.element_texts import ElementTexts
from albert_embed.pipeline.integrations.embed_elements import EmbedElements
from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig

_VECTOR = Sequence[np.float32]


class EmbedRows(beam.PTransform[beam.PCollection[Any], Any]):
    """Embeds a text of each row with ALBERT, and adds a field for each vector.

    All fields of the row stay. A vector is an array of floats in `mean_output`, `pooled_output` or
    `sentence_embedding`. The texts go through the same preprocessing, batches and model as in `albert-embed embed`.

    Args:
      model: a SavedModel's directory, local or remote, or a TF Hub handle. The workers must find it there, too.
      text: the field that holds the text.
      embeddings: which of `mean`, `pooled` and `sentence` to compute; `mean` where it is left out.
      max_tokens: maximum tokens per row of the model; left out, 512, or what the model has positions for.
      long_documents: what becomes of longer texts: `truncate`, `window` (the mean over all windows) or `reject`.
      window_overlap: tokens that consecutive windows share.
      dimensions: how many values of each vector are kept, the first ones; left out, all.
      accept_dimensions: whether to cut vectors of a model that is not known to be trained for it.
      normalize: whether each vector is scaled to length 1.
      engine: what executes the model: `tensorflow`, `openvino`, `jax` or `auto`.
      batch_tokens: maximum padded tokens per batch; left out, chosen by the pipeline's workers.
      error_handling: where rows go that can't be embedded; left out, one ends the pipeline.

    Raises:
      ValueError: if an option is out of its range.
    """

    def __init__(
        self,
        model: str,
        text: str = "text",
        embeddings: Optional[list[str]] = None,
        max_tokens: Optional[int] = None,
        long_documents: str = "truncate",
        window_overlap: int = PreprocessingConfig.window_overlap,
        dimensions: Optional[int] = None,
        accept_dimensions: bool = False,
        normalize: bool = False,
        engine: str = "tensorflow",
        batch_tokens: Optional[int] = None,
        error_handling: Optional[ErrorHandlingConfig] = None,
    ) -> None:
        super().__init__()
        self._text = text
        self._errors = exception_handling_args(error_handling)
        self._settings = ElementSettings(
            model=model,
            embeddings=("mean",) if embeddings is None else tuple(embeddings),
            max_tokens=max_tokens,
            long_documents=long_documents,  # type: ignore[arg-type]  # is checked
            window_overlap=window_overlap,
            dimensions=dimensions,
            accept_dimensions=accept_dimensions,
            normalize=normalize,
            engine=engine,  # type: ignore[arg-type]
            batch_tokens=batch_tokens,
        )

    def expand(self, rows: beam.PCollection[Any]) -> Any:
        fields = list_fields(rows.element_type)
        columns = tuple(EMBEDDING_COLUMNS[name] for name in self._settings.embeddings)
        check_row_fields(dict(fields), self._text, columns)
        texts = ElementTexts(adapter=make_adapter(self._text, columns), names=(f"field {self._text!r}",))
        embed = EmbedElements(self._settings, texts)
        schema = RowTypeConstraint.from_fields([*fields, *((name, _VECTOR) for name in columns)])
        add_schema: Callable[[], Any] = lambda: beam.Map(_keep).with_output_types(schema)  # noqa: E731
        if self._errors is None:
            return rows | "Embed" >> embed | "Schema" >> add_schema()
        arguments = dict(self._errors)
        output = arguments.pop("dead_letter_tag")
        embedded, failed = rows | "Embed" >> embed.with_exception_handling(**arguments)
        errors = failed.failed_inferences | "Errors" >> map_errors_to_standard_format(rows.element_type)
        return {"good": embedded | "Schema" >> add_schema(), output: errors}


def list_fields(element_type: Any) -> list[tuple[str, Any]]:
    """Returns the fields of a schema, with their types.

    Raises:
      ValueError: if elements of this type have no schema.
    """
    try:
        fields: list[tuple[str, Any]] = named_fields_from_element_type(element_type)
    except (TypeError, ValueError) as e:
        raise ValueError(
            f"EmbedText needs rows with a schema, and these elements are {element_type}; make rows of them, such as "
            "with MapToFields"
        ) from e
    return fields


def check_row_fields(fields: dict[str, Any], text: str, columns: Sequence[str]) -> None:
    """Raises ValueError where there is no field for the text, or one has the name of a vector."""
    if text not in fields:
        raise ValueError(f"the rows have no field {text!r}; text must be one of {', '.join(fields)}")
    taken = [name for name in columns if name in fields]
    if taken:
        raise ValueError(f"the rows already have a field {taken[0]!r}, where its vector would go; rename it")


def make_adapter(text: str, columns: Sequence[str]) -> EmbeddingTypeAdapter[Any, Any]:
    """Returns what takes the text of rows, and adds their vectors.

    Args:
      text: the field of the text.
      columns: the new fields.
    """
    return EmbeddingTypeAdapter(input_fn=partial(_take_texts, text), output_fn=partial(_add_vectors, tuple(columns)))


def _take_texts(text: str, rows: Sequence[Any]) -> list[Any]:
    return [getattr(row, text) for row in rows]


def _add_vectors(columns: tuple[str, ...], rows: Sequence[Any], vectors: Sequence[Any]) -> list[Any]:
    (row,) = rows
    return [beam.Row(**row._asdict(), **dict(zip(columns, vectors, strict=True)))]


def _keep(row: Any) -> Any:
    return row
