"""Reads and writes tf.Transform's cache entries, each a small file.

tf.Transform's own sink and source are Beam's for TFRecord: a dozen steps for every entry of every data set, for which
a local runner needs over a second. An entry is one value of at most a few hundred kilobytes, so one step is enough.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import apache_beam as beam

from albert_embed.transforms.files.directories import read_file, write_file_atomically
from albert_embed.transforms.files.literal_files import list_directory

_ENDING = ".entry"


class WriteCacheFiles(beam.PTransform[beam.PCollection[Any], beam.PCollection[Any]]):
    """Writes cache entries to files named by a path and a hash of the entry, so a retry writes the same file again."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def expand(self, entries: beam.PCollection[Any]) -> beam.PCollection[Any]:
        written: beam.PCollection[Any] = entries | "WriteEntry" >> beam.Map(write_entry, self._path)
        return written


class ReadCacheFiles(beam.PTransform[beam.Pipeline, beam.PCollection[Any]]):
    """Reads the entries that `WriteCacheFiles` wrote, given tf.Transform's pattern for the files of an entry."""

    def __init__(self, pattern: str) -> None:
        super().__init__()
        self._path = pattern.removesuffix("-*-of-*")

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection[Any]:
        paths = pipeline | "Path" >> beam.Create([self._path], reshuffle=False)
        entries: beam.PCollection[bytes] = paths | "ReadEntries" >> beam.FlatMap(read_entries).with_output_types(bytes)
        return entries


def write_entry(entry: bytes, path: str) -> None:
    """Writes one entry."""
    write_file_atomically(f"{path}-{hashlib.sha256(entry).hexdigest()[:16]}{_ENDING}", entry)


def read_entries(path: str) -> Iterator[bytes]:
    """Reads the entries whose files start with `path`.

    Raises:
      FileNotFoundError: if there are none; the analysis would miss a part of the corpus.
    """
    folder, _, name = path.rpartition("/")
    found = [file for file in list_directory(folder) if file.startswith(f"{name}-") and file.endswith(_ENDING)]
    if not found:
        raise FileNotFoundError(f"the analysis cache was damaged: no {path}-*{_ENDING}; remove the cache's directory")
    for file in found:
        yield read_file(f"{folder}/{file}")
