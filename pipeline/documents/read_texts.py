"""`read_texts`: reads the first texts of some files in this process, for what needs a few and is no pipeline."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Sequence

from albert_embed.pipeline.documents.make_documents import make_documents
from albert_embed.pipeline.inputs.choose_source import choose_source
from albert_embed.pipeline.inputs.read_files import read_range
from albert_embed.pipeline.listing.input_files import list_input
from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.storage.paths import expand_path
from albert_embed.transforms.rows.columns import TEXT
from albert_embed.transforms.steps.failure import Failure

logger = logging.getLogger(__name__)


def read_texts(patterns: Sequence[str], *, max_texts: int, option: str) -> list[bytes]:
    """Reads texts, of records the field `text`; what `embed` would put among the failures is logged and left out.

    Args:
      patterns: files, folders or globs, compressed or not, in any format that `embed` reads.
      max_texts: how many are read, the first ones.
      option: that names the patterns, for messages.

    Raises:
      FileNotFoundError: if a pattern names no file.
      OSError: if one can't be read.
    """
    return list(itertools.islice(_read(patterns, option), max_texts))


def _read(patterns: Sequence[str], option: str) -> Iterator[bytes]:
    fields = RecordFields()
    for file in list_input([expand_path(pattern) for pattern in patterns], option=option).files:
        source = choose_source([file], None).source
        for found in read_range(FileRange(path=file.path, name=file.name), source, fields):
            if isinstance(found, Failure):
                failures = [found]
            else:
                documents, failures = make_documents(found, fields)
                yield from documents.column(TEXT).to_pylist()
            for failure in failures:
                logger.warning("%s: of %s is left out: %s", option, file.path, failure.error)
