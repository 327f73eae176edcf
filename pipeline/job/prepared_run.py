"""`PreparedRun`: what is known about a run before it reads anything."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.model.directory.builtin_model import note_builtin
from albert_embed.model.directory.model_directory import ModelDirectory
from albert_embed.model.hosting.choose_engine import choose_engine, refuse_missing_engine
from albert_embed.model.hosting.embeddings import EMBEDDING_COLUMNS, refuse_missing_outputs
from albert_embed.model.hosting.engine_task import EngineTask
from albert_embed.model.hosting.handler import AlbertModelHandler
from albert_embed.pipeline.dataset.provenance import Provenance, TransformProvenance
from albert_embed.pipeline.embed.open_model import OpenedModel, open_model
from albert_embed.pipeline.formats.row_schema import RowSchema
from albert_embed.pipeline.launch.batch_tokens import choose_batching, choose_streams
from albert_embed.pipeline.nearest.vector_index import refuse_missing_library
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.runner import runs_on_this_machine, share_cores
from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.graph.transform_graph import (
    Description,
    check_transform_graph,
    describe_transform,
    transform_fingerprint,
)
from albert_embed.transforms.rows.token_batches import TokenBatchConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class PreparedRun:
    """What is known about a run before it reads anything.

    Attributes:
      started: when it began, seconds since 1970.
      options: its options (`job.resolve_options`).
      beam_options: how Beam runs it.
      model: its model.
      preprocessing: for the model.
      description: of the transform graph.
    """

    started: float
    options: EmbedOptions
    beam_options: PipelineOptions
    model: OpenedModel
    preprocessing: PreprocessingConfig
    description: Description

    @functools.cached_property
    def rows(self) -> RowSchema:
        """The schema of the windows' rows that it writes."""
        return choose_row_schema(self.options, self.model.directory)

    @functools.cached_property
    def transform(self) -> TransformProvenance:
        """The provenance of its transform graph."""
        return TransformProvenance(
            fingerprint=transform_fingerprint(self.description), options=self.description["options"]
        )

    @functools.cached_property
    def provenance(self) -> Provenance:
        """The provenance of its rows."""
        return Provenance(
            embeddings=list(self.rows.embeddings),
            hidden_size=self.rows.hidden_size,
            sentence_size=self.rows.sentence_size,
            dimensions=self.rows.dimensions,
            normalized=self.options.normalize,
            encoding=self.options.encoding,
            model=self.model.describe(engine=self.engine),
            transform=self.transform,
            options=self.options.to_dict(),
        )

    @functools.cached_property
    def engine(self) -> str:
        """The engine that executes the model, as far as this machine knows: workers choose for themselves with `auto`.

        Raises:
          ValueError: if it can't compute what is asked of the model.
        """
        task = EngineTask.of(self.model.directory.path, self.options.computed_embeddings)
        return choose_engine(self.options.engine, task, here=runs_on_this_machine(self.beam_options))

    @functools.cached_property
    def batching(self) -> TokenBatchConfig:
        """How rows are cut into padded batches.

        Raises:
          ValueError: if a batch can't hold the longest row.
        """
        return choose_batching(
            self.options.batch_tokens,
            max_tokens=self.preprocessing.max_tokens,
            beam_options=self.beam_options,
            engine=self.engine,
            precision=self.model.directory.precision,
            gpu=self.options.gpu,
            config=self.model.directory.config,
        )

    @functools.cached_property
    def streams(self) -> int:
        """How many batches are computed at once; 0 where each thread of a worker computes its own."""
        return choose_streams(
            self.options,
            self.beam_options,
            engine=self.engine,
            config=self.model.directory.config,
            batching=self.batching,
        )

    def make_handler(self) -> AlbertModelHandler:
        """Returns the host of the model."""
        return AlbertModelHandler(
            self.options.model,
            embeddings=self.options.computed_embeddings,
            engine=self.options.engine,  # left to the workers, which may have GPUs
            threads=share_cores(self.beam_options, self.options.worker_threads),
            streams=self.streams,
            sha256=self.options.model_sha256,
        )


def prepare_run(
    options: EmbedOptions,
    beam_options: PipelineOptions,
    checking: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
) -> PreparedRun:
    """Opens the model and checks the transform graph, if one is given.

    Args:
      options: of the run (`job.resolve_options`).
      beam_options: of the run.
      checking: makes a context for each check; a dry run collects what they raise, and goes on.

    Raises:
      ValueError, OSError: if the model or the transform graph can't be used, or an option does not fit them.
    """
    started = time.time()
    if options.index:
        refuse_missing_library()
    if runs_on_this_machine(beam_options):
        refuse_missing_engine(options.engine)
    note_builtin(options.model)
    model = open_model(options.model, sha256=options.model_sha256)
    with checking():
        refuse_missing_outputs(options.computed_embeddings, model.directory.outputs, options.model)
    with checking():
        model.check_dimensions(options.dimensions, options.embeddings, accept=options.accept_dimensions)
    preprocessing = fit_preprocessing(options, model)
    description = describe_transform(model.vocabulary, preprocessing)
    with checking():
        if options.transform is not None:
            description = check_transform_graph(options.transform, model.vocabulary, preprocessing)
    run = PreparedRun(
        started=started,
        options=options,
        beam_options=beam_options,
        model=model,
        preprocessing=preprocessing,
        description=description,
    )
    _ = run.batching  # so that what is wrong with it is found here
    return run


def choose_row_schema(options: EmbedOptions, model: ModelDirectory) -> RowSchema:
    """Returns the schema of the windows' rows for some options.

    Args:
      options: of the run.
      model: whose embeddings have a width each.
    """
    return RowSchema(
        embeddings=tuple(EMBEDDING_COLUMNS[name] for name in options.row_embeddings),
        hidden_size=model.config.hidden_size,
        sentence_size=model.sentence_size,
        dimensions=options.dimensions,
        encoding=options.encoding,
        kept=options.kept_fields,
        tokens=options.tokens,
    )


def fit_preprocessing(options: EmbedOptions, model: OpenedModel) -> PreprocessingConfig:
    """Returns the options of preprocessing that a run's options ask of a model (`OpenedModel.fit_preprocessing`)."""
    return model.fit_preprocessing(
        max_tokens=options.max_tokens,
        long_documents=options.long_documents,
        window_overlap=options.window_overlap,
        pair=options.pair_field is not None,
    )
