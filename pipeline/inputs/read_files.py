"""`FileReader`: reads ranges of files as Records and failures."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Iterator
from typing import Any

from albert_embed.pipeline.inputs.check_content import describe_compressed, describe_content, describe_guess, read_start
from albert_embed.pipeline.inputs.counted_range import CountedRange
from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.partitions import add_partitions
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records, fail_file
from albert_embed.pipeline.sources.source import Source
from albert_embed.pipeline.storage.open_input import (
    find_version,
    is_compressed,
    open_input,
    open_stored,
    tell_stored,
)
from albert_embed.pipeline.storage.paths import show_path
from albert_embed.transforms.steps.failure import Failure

logger = logging.getLogger(__name__)


class UnreadableFileError(RuntimeError):
    """A file of the input can't be read now: it has gone, or the file system refuses it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class FileReader:
    """Reads ranges of files, as a `PartReader`.

    Attributes:
      source: their format.
      fields: the fields of a record to read.
      is_sampled: whether some files of many have told the format (`choose_source`).
    """

    source: Source
    fields: RecordFields
    is_sampled: bool = False

    def setup(self) -> None:
        """Does nothing: there is nothing to open beforehand."""

    def read(self, part: FileRange) -> Iterator[Records | Failure]:
        """Returns what `read_range` does."""
        return read_range(part, self.source, self.fields, is_sampled=self.is_sampled)


def read_range(
    range_: FileRange, source: Source, fields: RecordFields, *, is_sampled: bool = False
) -> Iterator[Records | Failure]:
    """Yields the records of one range; an error of its library becomes one failure, the last element.

    Raises:
      UnreadableFileError: if the file system does not give the file, which says nothing about its content.
    """
    records = 0
    done = CountedRange(range_)
    try:
        start = _read_start(range_.path)
        problem = describe_compressed(range_.path, source) or describe_content(start, source)
        if problem is None and is_sampled:
            problem = describe_guess(range_.path, start, source)
        if problem is not None:
            with open_stored(range_.path) as stored:
                _refuse_replaced(stored, range_)
            if range_.start == 0:  # one failure for the file, whatever ranges it has
                yield fail_file(range_.path, problem)
            done.finish()
            return
        with open_input(range_.path) as file, _notice_cut(file, range_, source):
            _refuse_replaced(file, range_)
            for found in source.read(file, range_, fields):
                if source.is_sequential:
                    done.reach(tell_stored(file))
                if isinstance(found, Records):
                    records += len(found.positions)
                    yield add_partitions(found, fields)
                else:
                    records += 1
                    yield found
        done.finish()
    except (MemoryError, UnreadableFileError):
        raise
    except OSError as e:
        if e.errno is not None:  # from the system; pyarrow's own, about damaged content, have no number
            raise UnreadableFileError(f"{show_path(range_.path)} can't be read after {records} records: {e}") from e
        done.finish()
        yield _fail_rest(range_, records, e)
    except Exception as e:  # the libraries raise many kinds, and each says that this file can't be read
        done.finish()
        yield _fail_rest(range_, records, e)


def _refuse_replaced(file: Any, range_: FileRange) -> None:
    """Raises UnreadableFileError if a file that was opened is not the one that was listed.

    Ranges of both would be read else, and what is changed or lost between them would not be noticed.
    """
    if range_.version.is_replaced_by(find_version(file)):
        raise UnreadableFileError(
            f"{show_path(range_.path)} is not the file that was listed: something has written it anew or put another "
            "in its place. Run the same command again once that is done"
        )


@contextlib.contextmanager
def _notice_cut(file: Any, range_: FileRange, source: Source) -> Iterator[None]:
    """Checks, behind the `with` block, that a file that was read to its end is no shorter than when it was listed.

    Else a program is writing it anew, and its records would be missing without a word, or pass for damage.

    Raises:
      UnreadableFileError: if it is.
    """
    try:
        yield
    finally:
        stop = range_.start + range_.stored_bytes
        if source.is_sequential and not is_compressed(range_.path) and file.tell() < stop and not file.read(1):
            raise UnreadableFileError(
                f"{show_path(range_.path)} had {stop:,} bytes or more when it was listed, and has fewer now: something "
                "writes to it. Run the same command again once that is done"
            )


def _fail_rest(range_: FileRange, records: int, error: Exception) -> Failure:
    """Returns the failure of a file whose content breaks, and logs it without the message, which may quote the file."""
    logger.warning("%s is broken after %d records: %s", show_path(range_.path), records, type(error).__name__)
    return fail_file(range_.path, f"can't be read after {records} records: {type(error).__name__}: {str(error)[:300]}")


def _read_start(path: str) -> bytes:
    """Reads the first bytes of a file.

    Raises:
      UnreadableFileError: if it can't be opened.
    """
    try:
        return read_start(path)
    except OSError as e:
        raise UnreadableFileError(
            f"{show_path(path)} can't be read: {e}; nothing was lost, run the same command again"
        ) from e
