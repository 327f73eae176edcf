"""`DocumentWriter` in a `WriteFilesFn`, without a pipeline: what it writes, and what a bundle that failed leaves."""

from __future__ import annotations

import pickle
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.utils.windowed_value import WindowedValue

from albert_embed.model.architecture.padded_batch import float_lists
from albert_embed.pipeline.formats.registry import make_formats
from albert_embed.pipeline.formats.row_schema import RowSchema
from albert_embed.pipeline.writers.document_writer import DocumentWriter
from albert_embed.pipeline.writers.write_documents import list_document_files
from albert_embed.pipeline.writers.write_files import WriteFilesFn

ROWS = pa.RecordBatch.from_pydict(
    {
        "id": pa.array([b"a", b"b"], pa.binary()),
        "windows": pa.array([1, 2]),
        "tokens": pa.array([3, 9]),
        "document_output": float_lists(np.arange(4, dtype=np.float32), np.array([2, 2])),
    }
)
FORMATS = make_formats(["tfrecord", "parquet"], RowSchema(embeddings=(), hidden_size=2).of_documents())


def test_a_pickled_copy_writes_each_format_once(tmp_path: Path) -> None:
    open_writer = partial(DocumentWriter, str(tmp_path), FORMATS)
    write: WriteFilesFn = pickle.loads(pickle.dumps(WriteFilesFn(open_writer, max_bytes=1 << 30)))
    write.start_bundle()
    assert list(write.process(ROWS)) == []
    write.start_bundle()  # of the bundle before, which failed, nothing is finished
    assert list(write.process(ROWS)) == []
    (files,) = (value.value for value in write.finish_bundle() if isinstance(value, WindowedValue))
    listed = list_document_files(files, ["parquet", "tfrecord"])
    assert [(file.format, file.rows) for file in listed] == [("parquet", 2), ("tfrecord", 2)]
    assert all((tmp_path.parent / file.path).stat().st_size == file.bytes for file in listed)
    assert pq.read_table(tmp_path.parent / listed[0].path).to_pydict() == {
        "id": ["a", "b"],
        "windows": [1, 2],
        "tokens": [3, 9],
        "document_output": [[0.0, 1.0], [2.0, 3.0]],
    }
