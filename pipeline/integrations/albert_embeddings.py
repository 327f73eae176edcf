"""`AlbertEmbeddings`: embeds text columns in Beam's MLTransform."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
from apache_beam.ml.transforms.base import EmbeddingsManager, EmbeddingTypeAdapter

from albert_embed.model.hosting.choose_engine import EngineName
from albert_embed.model.hosting.handler import AlbertModelHandler
from albert_embed.pipeline.integrations.element_settings import ElementSettings
from albert_embed.pipeline.integrations.element_texts import ElementTexts
from albert_embed.pipeline.integrations.embed_elements import EmbedElements
from albert_embed.transforms.graph.preprocessing_config import LongDocuments, PreprocessingConfig


class AlbertEmbeddings(EmbeddingsManager):
    """Embeds text columns of dicts or rows in `MLTransform`, or other elements such as chunks of `apache_beam.ml.rag`.

    Each text is replaced by its vector, a list of floats; other columns stay. The texts go through `EmbedText`: the
    same preprocessing, batches of padded tokens and model, and so the same vectors to the last bit.

    Example::

        import tempfile

        import apache_beam as beam
        from apache_beam.ml.transforms.base import MLTransform

        from albert_embed import AlbertEmbeddings

        embeddings = AlbertEmbeddings("albert_base", columns=["title", "text"])
        with beam.Pipeline() as pipeline:
            documents = pipeline | beam.Create([{"id": 1, "title": "Greeting", "text": "Hello, world"}])
            embedded = documents | MLTransform(write_artifact_location=tempfile.mkdtemp()).with_transform(embeddings)
            embedded | beam.Map(print)

    The artifacts hold the transform graph, the options and the model's fingerprint, not the model: where they are read,
    the model must be at the same place, unchanged.

    Args:
      model: a SavedModel's directory, local or remote, or a TF Hub handle. The workers must find it there, too.
      columns: the columns to embed.
      type_adapter: takes one text of each element and puts the vector into it, instead of `columns`;
        `apache_beam.ml.rag.embeddings.base.create_text_adapter()` for chunks.
      embedding: `mean`, over a text's tokens, `pooled` or `sentence`.
      max_tokens: maximum tokens per row; None means 512, or what the model has positions for.
      long_documents: what becomes of a longer text: `truncate`, `window` (the mean over all its windows, as
        `--embeddings document` has it) or `reject` (it fails).
      window_overlap: tokens that consecutive windows share.
      dimensions: how many values of each vector are kept, the first ones; None means all.
      accept_dimensions: whether to cut vectors of a model that is not known to be trained for it.
      normalize: whether each vector is scaled to length 1.
      engine: what executes the model: `tensorflow`, `openvino`, `jax` or `auto`.
      batch_tokens: maximum padded tokens per batch; None chooses by the pipeline's workers.

    Raises:
      ValueError: if an option is out of its range, or there are both `columns` and `type_adapter`, or neither.
    """

    def __init__(
        self,
        model: str,
        columns: list[str] | None = None,
        *,
        type_adapter: EmbeddingTypeAdapter[Any, Any] | None = None,
        embedding: str = "mean",
        max_tokens: int | None = None,
        long_documents: LongDocuments = "truncate",
        window_overlap: int = PreprocessingConfig.window_overlap,
        dimensions: int | None = None,
        accept_dimensions: bool = False,
        normalize: bool = False,
        engine: EngineName = "tensorflow",
        batch_tokens: int | None = None,
    ) -> None:
        if (columns is None) == (type_adapter is None):
            raise ValueError("give either columns, for dicts and rows, or a type_adapter, for other elements")
        if columns is not None and (isinstance(columns, str) or not columns or len(set(columns)) != len(columns)):
            raise ValueError(f"columns must be a list of one or more names, each once, not {columns!r}")
        super().__init__(columns=columns, type_adapter=type_adapter)
        self._settings = ElementSettings(
            model=model,
            embeddings=(embedding,),
            max_tokens=max_tokens,
            long_documents=long_documents,
            window_overlap=window_overlap,
            dimensions=dimensions,
            accept_dimensions=accept_dimensions,
            normalize=normalize,
            engine=engine,
            batch_tokens=batch_tokens,
        )

    def get_model_handler(self) -> AlbertModelHandler:
        """Returns the handler that hosts the model in RunInference; its elements are batches of `EmbedText`."""
        settings = self._settings
        return AlbertModelHandler(settings.model, embeddings=settings.embeddings, engine=settings.engine)

    def get_ptransform_for_processing(self, **kwargs: Any) -> beam.PTransform[Any, Any]:
        """Returns the step that embeds, with the transform graph below `artifact_location`, where that is given.

        Args:
          kwargs: as MLTransform gives them.

        Raises:
          ValueError, OSError: as `EmbedText.for_model`.
        """
        names = tuple(f"column {name!r}" for name in self.columns or ()) or ("text",)
        texts = ElementTexts(adapter=self.type_adapter, names=names)
        return EmbedElements(self._settings, texts, kwargs.get("artifact_location"))
