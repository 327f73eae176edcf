"""`EmbeddingSettings`: with what texts are embedded; `PreparedModel`: the same with the graph and the model found."""

from __future__ import annotations

import dataclasses
import os

from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.model.architecture.vector_shape import VectorShape
from albert_embed.model.hosting.choose_engine import ENGINES, EngineName, choose_engine
from albert_embed.model.hosting.embeddings import EMBEDDING_COLUMNS, check_embeddings, refuse_missing_outputs
from albert_embed.model.hosting.engine_task import EngineTask
from albert_embed.model.hosting.handler import AlbertModelHandler
from albert_embed.pipeline.embed.embed_text import EmbedText
from albert_embed.pipeline.embed.open_model import open_model
from albert_embed.pipeline.launch.batch_tokens import choose_batching
from albert_embed.pipeline.settings.runner import runs_on_this_machine
from albert_embed.transforms.graph.preprocessing_config import LONG_DOCUMENTS, LongDocuments, PreprocessingConfig
from albert_embed.transforms.rows.columns import DOCUMENT_OUTPUT


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmbeddingSettings:
    """With what texts are embedded, one vector per text and embedding.

    Attributes:
      model: a SavedModel's directory, local or remote, or a TF Hub handle.
      embeddings: which of `mean`, `pooled` and `sentence`.
      max_tokens: maximum tokens per row; None means 512, or what the model has positions for.
      long_documents: what becomes of a longer text: `truncate`; `window`, the mean over all tokens of all its windows,
        which `mean` alone has; or `reject`.
      window_overlap: tokens that consecutive windows share.
      dimensions: how many values of each vector are kept, the first ones; None means all.
      accept_dimensions: whether to cut vectors of a model that is not known to be trained for it.
      normalize: whether each vector is scaled to length 1.
      engine: what executes the model.
      batch_tokens: maximum padded tokens per batch; None chooses by the pipeline's workers.

    Raises:
      ValueError: if one is out of its range, or does not go with another.
    """

    model: str
    embeddings: tuple[str, ...] = ("mean",)
    max_tokens: int | None = None
    long_documents: LongDocuments = "truncate"
    window_overlap: int = PreprocessingConfig.window_overlap
    dimensions: int | None = None
    accept_dimensions: bool = False
    normalize: bool = False
    engine: EngineName = "tensorflow"
    batch_tokens: int | None = None

    def __post_init__(self) -> None:
        check_embeddings(self.embeddings)
        if "sequence" in self.embeddings:
            raise ValueError(
                "the embedding 'sequence' is a vector for each token, and here a text gets one; choose "
                f"{', '.join(name for name in EMBEDDING_COLUMNS if name != 'sequence')}, or use EmbedText"
            )
        if self.long_documents not in LONG_DOCUMENTS:
            raise ValueError(f"long_documents must be truncate, window or reject, not {self.long_documents!r}")
        if self.long_documents == "window" and self.embeddings != ("mean",):
            raise ValueError(
                "long_documents 'window' gives the mean over a text's windows, which goes with the embedding 'mean' "
                f"alone, not with {', '.join(self.embeddings)}"
            )
        if self.engine not in ENGINES:
            raise ValueError(f"engine must be one of {', '.join(ENGINES)}, not {self.engine!r}")
        VectorShape(dimensions=self.dimensions, normalize=self.normalize)

    def prepare(self, transform_directory: str | None = None) -> PreparedModel:
        """Opens the model, and saves a transform graph that fits it.

        Args:
          transform_directory: where to save the graph, as in `EmbedText.for_model`.

        Raises:
          ValueError: if the model can't be used, or a setting does not go with it.
          OSError: if the graph can't be saved.
        """
        opened = open_model(self.model)
        preprocessing = opened.fit_preprocessing(
            max_tokens=self.max_tokens, long_documents=self.long_documents, window_overlap=self.window_overlap
        )
        directory = opened.directory
        refuse_missing_outputs(self.embeddings, directory.outputs, self.model)
        opened.check_dimensions(self.dimensions, self.embeddings, accept=self.accept_dimensions)
        return PreparedModel(
            # Another process, such as one that reads the artifacts of MLTransform, may start in another folder.
            settings=dataclasses.replace(self, model=os.path.abspath(self.model))
            if os.path.exists(self.model)
            else self,
            sha256=directory.fingerprint,
            task=EngineTask.of(directory.path, self.embeddings),
            max_tokens=preprocessing.max_tokens,
            transform_directory=opened.save_graph(preprocessing, transform_directory),
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class PreparedModel:
    """A model, and the transform graph that was saved for it.

    Attributes:
      settings: with what texts are embedded.
      sha256: the fingerprint of the model, which it must have on each worker.
      task: what an engine is asked to compute.
      max_tokens: maximum tokens per row.
      transform_directory: the saved graph.
    """

    settings: EmbeddingSettings
    sha256: str
    task: EngineTask
    max_tokens: int
    transform_directory: str

    @property
    def combines_windows(self) -> bool:
        """Whether a text's vector is made of several rows."""
        return self.settings.long_documents == "window"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a text's vectors, in the order of the embeddings."""
        if self.combines_windows:
            return (DOCUMENT_OUTPUT,)
        return tuple(EMBEDDING_COLUMNS[name] for name in self.settings.embeddings)

    @property
    def shape(self) -> VectorShape:
        """What becomes of each vector."""
        return VectorShape(dimensions=self.settings.dimensions, normalize=self.settings.normalize)

    def make_handler(self) -> AlbertModelHandler:
        """Makes what hosts the model."""
        settings = self.settings
        return AlbertModelHandler(
            settings.model, embeddings=settings.embeddings, engine=settings.engine, sha256=self.sha256
        )

    def make_embed_text(self, handler: AlbertModelHandler, options: PipelineOptions) -> EmbedText:
        """Makes the step for one text of each element.

        Args:
          handler: as `make_handler` makes it; steps that share one share the model that it loads.
          options: of the pipeline.
        """
        return EmbedText(
            transform_directory=self.transform_directory,
            handler=handler,
            batching=choose_batching(
                self.settings.batch_tokens,
                max_tokens=self.max_tokens,
                beam_options=options,
                engine=choose_engine(self.settings.engine, self.task, here=runs_on_this_machine(options)),
                precision=self.task.precision,
            ),
        )
