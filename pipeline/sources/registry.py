"""The registry of the formats of input files, the only place that lists them."""

from __future__ import annotations

from albert_embed.pipeline.sources.avro_records import AvroRecords
from albert_embed.pipeline.sources.csv_records import CsvRecords, TsvRecords
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
        CsvRecords(),
        TsvRecords(),
        ParquetRecords(),
        TFRecords(),
        AvroRecords(),
        WholeFiles(),
    )
}
DEFAULT = SOURCES[TextLines.name]


def find_by_name(path: str) -> Source | None:
    """Finds the format by a file's name, without an ending of a compression; None where it suggests none."""
    name = path.lower()
    return next((source for source in SOURCES.values() if name.endswith(source.endings)), None)


def guess_by_content(start: bytes) -> Source:
    """Finds the format of a file whose name tells none, from the start of its content, decompressed; else text."""
    return next((source for source in SOURCES.values() if source.suits(start)), DEFAULT)


def find_by_content(start: bytes) -> Source | None:
    """Finds the format that is certain from the start of a file's decompressed content; None where none is."""
    return next((source for source in SOURCES.values() if source.recognises(start)), None)
