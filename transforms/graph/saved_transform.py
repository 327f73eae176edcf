"""A saved tf.Transform graph, loaded and applied to RecordBatches."""

from __future__ import annotations

import importlib.util
import posixpath
import tempfile

import pyarrow as pa
import tensorflow as tf

from albert_embed.transforms.files.directories import is_remote
from albert_embed.transforms.files.literal_files import copy_directory
from albert_embed.transforms.files.plain_path import plain_path
from albert_embed.transforms.graph.transform_graph import GRAPH_FOLDERS, read_description
from albert_embed.transforms.rows import columns

_TEXT_TYPES = (pa.binary(), pa.large_binary(), pa.string(), pa.large_string(), pa.null())
_LIBRARIES = ("_normalize_ops.so", "_sentencepiece_tokenizer.so")


def _register_operations() -> None:
    """Registers the operations that the graph is made of, besides TensorFlow's own.

    They are in two libraries of tensorflow-text. Its Python package, with layers of Keras, takes longer to import.
    """
    spec = importlib.util.find_spec("tensorflow_text")  # which imports nothing
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("tensorflow-text is not installed", name="tensorflow_text")
    for name in _LIBRARIES:
        tf.load_op_library(posixpath.join(posixpath.dirname(spec.origin), "python/ops", name))


class SavedTransform:
    """A saved transform graph, ready to be applied. Applying it from several threads at once is safe.

    Attributes:
      description: what its `transform.json` says.
    """

    def __init__(self, directory: str) -> None:
        """Loads the graph.

        Args:
          directory: as `save_transform_graph` wrote it, on any file system that Apache Beam knows.

        Raises:
          TransformMismatchError: if the directory holds no finished graph.
        """
        self.description = read_description(directory)
        self._inputs = (columns.TEXT, columns.PAIR) if self.description["options"]["pair"] else (columns.TEXT,)
        if not is_remote(directory):
            with plain_path(directory) as path:
                self._load(path)
            return
        # TensorFlow knows fewer file systems than Beam; once the graph is loaded, no file is needed any more.
        with tempfile.TemporaryDirectory() as parent:
            for folder in GRAPH_FOLDERS:  # but not what else may be there, such as an analysis and its cache
                copy_directory(posixpath.join(directory, folder), posixpath.join(parent, folder))
            self._load(parent)

    def _load(self, directory: str) -> None:
        """Loads the graph from a local directory, now and not at its first use."""
        _register_operations()
        # What tf.Transform writes is a SavedModel with this function. TensorFlow alone runs it: tf.Transform itself,
        # whose layer does the same, would take as long to import as a graph to load.
        self._graph = tf.saved_model.load(posixpath.join(directory, GRAPH_FOLDERS[0]))
        self._graph.transform_fn({name: tf.zeros([0], tf.string) for name in self._inputs})

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Replaces the text by the graph's outputs.

        Args:
          batch: `text`[, `pair`] as binary, large_binary, string or large_string, where a null is an empty text; and
            any other columns of any type.

        Returns:
          The other columns, untouched, and then the graph's outputs, with the types of `columns.TYPES`.

        Raises:
          ValueError: if a text column is missing or not text, or another column has the name of an output.
        """
        outputs = self._graph.transform_fn({name: _read_text(batch, name) for name in self._inputs})
        result = {name: batch.column(name) for name in batch.schema.names if name not in self._inputs}
        clashes = sorted(result.keys() & outputs.keys())
        if clashes:
            raise ValueError(
                f"the columns {', '.join(clashes)} have names that preprocessing itself uses: rename them."
            )
        result.update((name, _to_arrow(outputs[name])) for name in columns.TYPES if name in outputs)
        return pa.RecordBatch.from_pydict(result)


def _read_text(batch: pa.RecordBatch, name: str) -> tf.Tensor:
    """Turns a text column into string [n]."""
    if name not in batch.schema.names:
        raise ValueError(f"no column {name} among {', '.join(batch.schema.names)}: the transform graph needs it.")
    column = batch.column(name)
    if column.type not in _TEXT_TYPES:
        raise ValueError(f"the column {name} is {column.type}, not text.")
    column = column.cast(pa.large_binary())
    return tf.constant(column.fill_null(b"").to_numpy(zero_copy_only=False), tf.string)


def _to_arrow(tensor: tf.Tensor | tf.RaggedTensor) -> pa.Array:
    """Turns int64 [n] into int64, and int64 [n, (m)] into large_list<int64>."""
    if isinstance(tensor, tf.RaggedTensor):
        values = pa.array(tensor.flat_values.numpy())
        return pa.LargeListArray.from_arrays(pa.array(tensor.row_splits.numpy()), values)
    return pa.array(tensor.numpy())
