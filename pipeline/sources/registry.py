"""The registry of the formats of input files, the only place that lists them."""

from __future__ import annotations

import re

from albert_embed.pipeline.sources.avro_records import AvroRecords
from albert_embed.pipeline.sources.csv_records import CsvRecords, TsvRecords
from albert_embed.pipeline.sources.json_documents import JsonDocuments
from albert_embed.pipeline.sources.json_lines import JsonLines
from albert_embed.pipeline.sources.parquet_records import ParquetRecords
from albert_embed.pipeline.sources.source import Source
from albert_embed.pipeline.sources.text_lines import TextLines
from albert_embed.pipeline.sources.tfrecord_records import TFRecords
from albert_embed.pipeline.sources.whole_files import WholeFiles

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        TextLines(),
        JsonLines(),
        JsonDocuments(),
        CsvRecords(),
        TsvRecords(),
        ParquetRecords(),
        TFRecords(),
        AvroRecords(),
        WholeFiles(),
    )
}
DEFAULT = SOURCES[TextLines.name]
_PART = re.compile(r"-\d+-of-\d+\Z")


def find_by_name(path: str) -> Source | None:
    """Finds the format by a file's name, without an ending of a compression; None where it suggests none.

    Behind the ending may stand which part of a file it is, as Beam and TensorFlow name them: `a.csv-00000-of-00010`.
    """
    name = _PART.sub("", path.lower())
    return next((source for source in SOURCES.values() if name.endswith(source.endings)), None)


def guess_by_content(path: str, start: bytes) -> Source:
    """Finds the format of a file whose name does not tell it.

    Args:
      path: without an ending of a compression. What ends in `.json` is JSON of one kind or the other.
      start: of its decompressed content.

    Returns:
      The format; text if it is no other.
    """
    source = next((source for source in SOURCES.values() if source.suits(start)), DEFAULT)
    if source is DEFAULT and _PART.sub("", path.lower()).endswith(".json"):
        return SOURCES[JsonDocuments.name if start.lstrip().startswith(b"[") else JsonLines.name]
    return source


def find_by_content(start: bytes) -> Source | None:
    """Finds the format that is certain from the start of a file's decompressed content; None where none is."""
    return next((source for source in SOURCES.values() if source.recognises(start)), None)
