"""`EmbeddingSettings`: with what texts are embedded; `PreparedModel`: the same with the graph and the model found."""

from __future__ import annotations

import dataclasses
import os

from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.model.architecture.vector_shape import VectorShape
from albert_embed.model.directory.builtin_model import names_builtin
from albert_embed.model.hosting.choose_engine import ENGINES, EngineName, choose_engine
from albert_embed.model.hosting.embeddings import check_embeddings, refuse_missing_outputs
from albert_embed.model.hosting.engine_task import EngineTask
from albert_embed.model.hosting.handler import AlbertModelHandler
from albert_embed.pipeline.embed.open_model import OpenedModel
from albert_embed.pipeline.launch.batch_tokens import choose_batching
from albert_embed.pipeline.settings.runner import runs_on_this_machine
from albert_embed.transforms.graph.preprocessing_config import LONG_DOCUMENTS, LongDocuments, PreprocessingConfig
from albert_embed.transforms.rows.token_batches import TokenBatchConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmbeddingSettings:
    """With what texts are embedded.

    Attributes:
      model: a SavedModel's directory, local or remote, a TF Hub handle, or `default`.
      embeddings: which of `pooled`, `sequence`, `mean` and `sentence`.
      max_tokens: maximum tokens per row; None means 512, or what the model has positions for.
      long_documents: what becomes of a longer text: `truncate`, `window` or `reject`.
      window_overlap: tokens that consecutive windows share.
      pair: whether each text has a second one.
      dimensions: how many values of each vector are kept, the first ones; None means all.
      accept_dimensions: whether to cut vectors of a model that is not known to be trained for it.
      normalize: whether each vector is scaled to length 1.
      engine: what executes the model.
      batch_tokens: maximum padded tokens per batch; None chooses by the pipeline's workers.

    Raises:
      ValueError: if one is out of its range.
    """

    model: str
    embeddings: tuple[str, ...]
    max_tokens: int | None = None
    long_documents: LongDocuments = "truncate"
    window_overlap: int = PreprocessingConfig.window_overlap
    pair: bool = False
    dimensions: int | None = None
    accept_dimensions: bool = False
    normalize: bool = False
    engine: EngineName = "tensorflow"
    batch_tokens: int | None = None

    def __post_init__(self) -> None:
        check_embeddings(self.embeddings)
        if self.long_documents not in LONG_DOCUMENTS:
            raise ValueError(f"long_documents must be truncate, window or reject, not {self.long_documents!r}")
        if self.engine not in ENGINES:
            raise ValueError(f"engine must be one of {', '.join(ENGINES)}, not {self.engine!r}")
        VectorShape(dimensions=self.dimensions, normalize=self.normalize)

    @property
    def shape(self) -> VectorShape:
        """What becomes of each vector."""
        return VectorShape(dimensions=self.dimensions, normalize=self.normalize)

    def prepare(self, opened: OpenedModel, transform_directory: str | None = None) -> PreparedModel:
        """Checks the settings against their model, and saves a transform graph that fits both.

        Args:
          opened: the model.
          transform_directory: where to save the graph (`OpenedModel.save_graph`).

        Raises:
          ValueError: if a setting does not go with the model.
          OSError: if the graph can't be saved.
        """
        preprocessing = opened.fit_preprocessing(
            max_tokens=self.max_tokens,
            long_documents=self.long_documents,
            window_overlap=self.window_overlap,
            pair=self.pair,
        )
        directory = opened.directory
        task = EngineTask.of(directory.path, self.embeddings)
        task.refuse(self.engine)
        refuse_missing_outputs(self.embeddings, directory.outputs, self.model)
        opened.check_dimensions(self.dimensions, self.embeddings, accept=self.accept_dimensions)
        # Another process, such as one that reads the artifacts of MLTransform, may start in another folder.
        is_local = not names_builtin(self.model) and os.path.exists(self.model)
        return PreparedModel(
            settings=dataclasses.replace(self, model=os.path.abspath(self.model)) if is_local else self,
            sha256=directory.fingerprint,
            task=task,
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

    def make_handler(self) -> AlbertModelHandler:
        """Makes what hosts the model; steps that share it share the model that it loads."""
        settings = self.settings
        return AlbertModelHandler(
            settings.model, embeddings=settings.embeddings, engine=settings.engine, sha256=self.sha256
        )

    def choose_batching(self, options: PipelineOptions) -> TokenBatchConfig:
        """Chooses how rows are cut into batches (`pipeline.launch.batch_tokens`).

        Args:
          options: of the pipeline.

        Raises:
          ValueError: if `batch_tokens` can't hold the longest row.
        """
        return choose_batching(
            self.settings.batch_tokens,
            max_tokens=self.max_tokens,
            beam_options=options,
            engine=choose_engine(self.settings.engine, self.task, here=runs_on_this_machine(options)),
            precision=self.task.precision,
        )
