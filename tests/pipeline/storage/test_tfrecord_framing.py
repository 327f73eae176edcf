"""The framing, read back by TensorFlow, which checks every length and checksum."""

from __future__ import annotations

import random
from pathlib import Path

import tensorflow as tf

from albert_embed.pipeline.storage.tfrecord_framing import frame_records


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
