"""TFRecord files of whole batches, read back by TensorFlow, which checks every length and checksum."""

from __future__ import annotations

import random
from pathlib import Path

import apache_beam as beam
import pytest
import tensorflow as tf
from apache_beam.internal import pickler
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pipeline.tfrecord_sink import TFRecordSink, frame_records


def make_records(seed: int, sizes: list[int]) -> list[bytes]:
    generator = random.Random(seed)
    return [generator.randbytes(size) for size in sizes]


def test_tensorflow_reads_what_is_framed(tmp_path: Path) -> None:
    records = make_records(1, [0, 1, 7, 8, 9, 1000, 100_000])
    path = tmp_path / "records"
    path.write_bytes(frame_records(records[:3]) + frame_records([]) + frame_records(records[3:]))
    assert list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator()) == records


def test_tensorflows_own_writer_writes_the_same_bytes(tmp_path: Path) -> None:
    records = make_records(2, [3, 0, 4096])
    with tf.io.TFRecordWriter(str(tmp_path / "records")) as writer:
        for record in records:
            writer.write(record)
    assert (tmp_path / "records").read_bytes() == frame_records(records)


@pytest.mark.parametrize("batches", [[], [[]], [[5, 0], [], [17] * 100]])
def test_a_pipeline_writes_every_record(tmp_path: Path, batches: list[list[int]]) -> None:
    elements = [make_records(number, sizes) for number, sizes in enumerate(batches)]
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        _ = pipeline | beam.Create(elements) | beam.io.Write(TFRecordSink(str(tmp_path / "data")))
    shards = sorted(tmp_path.iterdir())
    assert [shard.name for shard in shards] == [f"data-{n:05}-of-{len(shards):05}.tfrecord" for n in range(len(shards))]
    found = tf.data.TFRecordDataset([str(shard) for shard in shards]).as_numpy_iterator()
    assert sorted(found) == sorted(record for element in elements for record in element)


def test_the_sink_is_pickled() -> None:
    sink = pickler.loads(pickler.dumps(TFRecordSink("folder/data")))
    assert sink.file_path_prefix.get() == "folder/data"
