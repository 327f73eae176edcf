"""Building, saving and checking the tf.Transform graph: a directory with `transform.json` beside the graph.

`transform.json` says which vocabulary, options and library versions made the graph. It is written last, so that a
directory without it is not a finished graph.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import posixpath
import tempfile
import unicodedata
from pathlib import Path
from typing import Any, TypedDict, cast

from albert_embed.transforms.files.directories import read_file, write_file_atomically
from albert_embed.transforms.files.literal_files import copy_directory
from albert_embed.transforms.graph.graph_cache import keep_graph, take_graph
from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.text.vocabulary import Vocabulary

DESCRIPTION_FILE = "transform.json"
# What tf.Transform writes: the SavedModel, and the schema of what it gives.
GRAPH_FOLDERS = ("transform_fn", "transformed_metadata")
_LIBRARIES = ("tensorflow", "tensorflow_text", "tensorflow_transform")
FORMAT_VERSION = 2  # of transform.json and of the rules that the graph follows


class VocabularyDescription(TypedDict):
    """A vocabulary by what identifies it."""

    sha256: str
    size: int
    comma_rule: str


class Description(TypedDict):
    """The content of `transform.json`; `options` are those of `PreprocessingConfig`."""

    format_version: int
    vocabulary: VocabularyDescription
    options: dict[str, Any]
    versions: dict[str, str]


class TransformMismatchError(ValueError):
    """A saved transform graph is missing, unfinished, or not the one that this job needs."""


def describe_transform(vocabulary: Vocabulary, config: PreprocessingConfig) -> Description:
    """Describes the graph that this vocabulary and these options make here, as `transform.json` does."""
    return {
        "format_version": FORMAT_VERSION,
        "vocabulary": _describe_vocabulary(vocabulary),
        "options": _describe_options(config),
        "versions": {
            **{name: importlib.metadata.version(name) for name in _LIBRARIES},
            "unicode": unicodedata.unidata_version,
        },
    }


def transform_fingerprint(description: Description) -> str:
    """Returns the SHA-256, in hexadecimal, of a description: the same for the same content, whatever its order."""
    return hashlib.sha256(_format_description(description).encode()).hexdigest()


def read_description(directory: str) -> Description:
    """Reads the `transform.json` of a saved graph.

    Raises:
      TransformMismatchError: if there is none, or it can't be understood.
    """
    path = posixpath.join(directory, DESCRIPTION_FILE)
    remedy = "Build the transform graph again (albert-embed analyze), or leave --transform out."
    try:
        description = json.loads(read_file(path))
    except FileNotFoundError as error:
        raise TransformMismatchError(f"{directory} holds no finished transform graph: no {path}. {remedy}") from error
    except ValueError as error:
        raise TransformMismatchError(f"{path} is not JSON: {error}. {remedy}") from error
    if not isinstance(description, dict) or description.get("format_version") != FORMAT_VERSION:
        found = description.get("format_version") if isinstance(description, dict) else None
        raise TransformMismatchError(
            f"{path} has format_version {found!r}, this program reads {FORMAT_VERSION}. {remedy}"
        )
    return cast(Description, description)


def check_transform_graph(directory: str, vocabulary: Vocabulary, config: PreprocessingConfig) -> Description:
    """Checks that a saved graph was made with this vocabulary and these options, and returns its description.

    Library versions may differ: the graph carries the vocabulary and Python's Unicode rules within itself.

    Raises:
      TransformMismatchError: naming every option that differs, with both values.
    """
    description = read_description(directory)
    needed = {
        **{f"vocabulary {name}": value for name, value in _describe_vocabulary(vocabulary).items()},
        **_describe_options(config),
    }
    found = {
        **{f"vocabulary {name}": value for name, value in description.get("vocabulary", {}).items()},
        **description.get("options", {}),
    }
    differences = [
        f"{name} is {found.get(name)!r} there and {needed.get(name)!r} here"
        for name in [*needed, *(name for name in found if name not in needed)]
        if found.get(name) != needed.get(name)
    ]
    if differences:
        raise TransformMismatchError(
            f"the transform graph in {directory} was made for something else: {'; '.join(differences)}. "
            "Give the options and the model that it was made with, or build it again (albert-embed analyze)."
        )
    return description


def save_transform_graph(vocabulary: Vocabulary, config: PreprocessingConfig, directory: str) -> Description:
    """Builds the tf.Transform graph and saves it, `transform.json` last.

    A graph that was built before on this machine is copied instead (`transforms.graph.graph_cache`).

    Args:
      vocabulary: becomes part of the graph, its bytes included.
      config: the options of preprocessing.
      directory: on any file system that Apache Beam knows; made if it is not there.

    Returns:
      The description that `transform.json` holds.
    """
    description = describe_transform(vocabulary, config)
    with tempfile.TemporaryDirectory() as local:
        # TensorFlow knows fewer file systems than Beam: the graph is built here, then copied there.
        graph = posixpath.join(local, "graph")
        fingerprint = transform_fingerprint(description)
        if not take_graph(fingerprint, Path(graph)):
            _write_graph(vocabulary, config, graph)
            keep_graph(fingerprint, Path(graph))
        copy_directory(graph, directory)
    write_file_atomically(posixpath.join(directory, DESCRIPTION_FILE), _format_description(description).encode())
    return description


def _write_graph(vocabulary: Vocabulary, config: PreprocessingConfig, directory: str) -> None:
    """Writes the tf.Transform output (SavedModel and metadata) to a local directory."""
    import apache_beam as beam
    import tensorflow_transform.beam as tft_beam
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner
    from tfx_bsl.tfxio.tensor_adapter import TensorAdapterConfig

    from albert_embed.transforms.graph.input_columns import make_input_schema, make_tensor_representations
    from albert_embed.transforms.graph.preprocessing import make_preprocessing_fn

    adapter = TensorAdapterConfig(make_input_schema(config), make_tensor_representations(config))
    preprocessing_fn = make_preprocessing_fn(vocabulary, config)
    # In this process, and never with DirectRunner, which looks for a Prism binary to download. The graph has no
    # analyzers, so no data goes through.
    with (
        tempfile.TemporaryDirectory() as temp_dir,
        beam.Pipeline(runner=FnApiRunner()) as pipeline,
        tft_beam.Context(temp_dir=temp_dir),
    ):
        no_documents = pipeline | "NoDocuments" >> beam.Create([])
        transform_fn = (no_documents, adapter) | "Trace" >> tft_beam.AnalyzeDataset(preprocessing_fn)
        _ = transform_fn | "Write" >> tft_beam.WriteTransformFn(directory)


def _describe_vocabulary(vocabulary: Vocabulary) -> VocabularyDescription:
    """Describes a vocabulary by what identifies it."""
    return {"sha256": vocabulary.fingerprint, "size": vocabulary.size, "comma_rule": vocabulary.comma_rule}


def _describe_options(config: PreprocessingConfig) -> dict[str, Any]:
    """Describes all options; an overlap that does not apply is None, so that it makes no difference."""
    options = dataclasses.asdict(config)
    if config.long_documents != "window":
        options["window_overlap"] = None
    return options


def _format_description(description: Description) -> str:
    """Formats a description as JSON, always in the same way."""
    return json.dumps(description, indent=2, sort_keys=True) + "\n"
