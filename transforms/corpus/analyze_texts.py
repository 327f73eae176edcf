"""The full pass over a corpus: tf.Transform's analysers in a Beam pipeline, with tf.Transform's cache."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.beam import analysis_graph_builder
from tensorflow_transform.beam.analyzer_cache import (
    BeamAnalysisCache,
    DatasetKey,
    ReadAnalysisCacheFromFS,
    WriteAnalysisCacheToFS,
)
from tfx_bsl.tfxio.tensor_adapter import TensorAdapter, TensorAdapterConfig

from albert_embed.transforms.corpus.corpus_analysis import make_analysis_fn
from albert_embed.transforms.files.cache_files import ReadCacheFiles, WriteCacheFiles
from albert_embed.transforms.graph.input_columns import (
    list_input_columns,
    make_input_schema,
    make_tensor_representations,
)
from albert_embed.transforms.graph.preprocessing import PreprocessingFn
from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.text.vocabulary import Vocabulary


class TextAnalysis:
    """The analysis of data sets, some of which may have been analysed before.

    Args:
      vocabulary: the model's.
      config: the options of preprocessing.
      temp_dir: a folder that the workers can read, for what tf.Transform's steps hand to each other.
    """

    def __init__(self, vocabulary: Vocabulary, config: PreprocessingConfig, *, temp_dir: str) -> None:
        self._config = config
        self._temp_dir = temp_dir
        self._analysis_fn: PreprocessingFn = make_analysis_fn(vocabulary, config)
        self._adapter = TensorAdapterConfig(make_input_schema(config), make_tensor_representations(config))

    def read_cache(self, pipeline: beam.Pipeline, directory: str, keys: Iterable[str]) -> BeamAnalysisCache:
        """Reads what is cached for these data sets."""
        cache: BeamAnalysisCache = pipeline | "ReadCache" >> ReadAnalysisCacheFromFS(
            directory, [DatasetKey(key) for key in keys], source=ReadCacheFiles
        )
        return cache

    def find_missing(self, keys: Iterable[str], cache: BeamAnalysisCache) -> set[str]:
        """Finds the data sets that must be read, because something that the analysis needs is not in the cache."""
        with tft_beam.Context(temp_dir=self._temp_dir):
            missing = analysis_graph_builder.get_analysis_dataset_keys(
                self._analysis_fn,
                TensorAdapter(self._adapter).OriginalTypeSpecs(),
                {DatasetKey(key) for key in keys},
                cache,
                False,
            )
        return {dataset.key for dataset in missing}

    def analyze(
        self,
        pipeline: beam.Pipeline,
        documents: Mapping[str, beam.PCollection[Any] | None],
        cache: BeamAnalysisCache,
        *,
        cache_directory: str,
        output: str,
    ) -> None:
        """Wires the pass: analyses all data sets, writes the graph to `output` and what is new to the cache.

        Args:
          pipeline: to wire into.
          documents: data set → RecordBatches with the texts; None where the cache has all that is needed.
          cache: as `read_cache` gives it.
          cache_directory: where new entries go, a folder for each data set.
          output: where the analysis graph goes; `transforms.corpus.corpus_analysis.read_statistics` reads it.
        """
        names = list_input_columns(self._config)
        inputs = {
            DatasetKey(key): batches
            and batches | f"TakeTexts{number}" >> beam.Map(take_texts, names).with_output_types(pa.RecordBatch)
            for number, (key, batches) in enumerate(sorted(documents.items()))
        }
        with tft_beam.Context(temp_dir=self._temp_dir):
            graph, found = (inputs, cache, self._adapter) | "Analyze" >> tft_beam.AnalyzeDatasetWithCache(
                self._analysis_fn, pipeline=pipeline
            )
        # Without tf.Transform's own telemetry, which takes more steps than everything else.
        entries = {key: entry._replace(metadata=None) for key, entry in found.items()}
        _ = entries | "WriteCache" >> WriteAnalysisCacheToFS(pipeline, cache_directory, sink=WriteCacheFiles)
        _ = graph | "WriteGraph" >> tft_beam.WriteTransformFn(output)


def take_texts(batch: pa.RecordBatch, names: tuple[str, ...]) -> pa.RecordBatch:
    """Returns the text columns alone, each value in a list of its own, as `make_input_schema` describes it."""
    offsets = pa.array(np.arange(batch.num_rows + 1), pa.int32())
    columns = [pa.ListArray.from_arrays(offsets, batch.column(name).cast(pa.binary())) for name in names]
    return pa.RecordBatch.from_arrays(columns, names=list(names))
