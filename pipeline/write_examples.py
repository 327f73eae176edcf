"""`WriteExamples`: rows to TFRecord files of tf.Examples."""

from __future__ import annotations

from collections.abc import Iterator

import apache_beam as beam
import pyarrow as pa

from pipeline.embed_options import Encoding
from pipeline.example_encoding import encode_examples
from pipeline.tfrecord_sink import TFRecordSink
from transforms import metrics


class WriteExamples(beam.PTransform):
    """Writes RecordBatches of embedded rows to `PREFIX-SSSSS-of-NNNNN.tfrecord`.

    The runner decides on the number of shards: a fixed one would move every row through a GroupByKey, which local
    runners hold in memory.

    Args:
      prefix: path and start of the name.
      encoding: how embeddings are written.
    """

    def __init__(self, prefix: str, encoding: Encoding) -> None:
        super().__init__()
        self._prefix = prefix
        self._encoding = encoding

    def expand(self, rows: beam.PCollection[pa.RecordBatch]) -> beam.PCollection:
        return (
            rows
            | "EncodeExamples" >> beam.ParDo(EncodeExamples(self._encoding))
            | "WriteToTFRecord" >> beam.io.Write(TFRecordSink(self._prefix))
        )


class EncodeExamples(beam.DoFn):
    """`encode_examples` as a DoFn; a batch's examples stay together."""

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding

    def process(self, rows: pa.RecordBatch) -> Iterator[list[bytes]]:
        with metrics.count_usecs(metrics.ENCODE_USECS):
            examples = encode_examples(rows, self._encoding)
        yield examples
