"""Files of object stores: what their clients raise is no damage of the content."""

from __future__ import annotations

import errno
import io
from typing import Any

import pytest
from apache_beam.io.filesystem import BeamIOError
from google.api_core.exceptions import NotFound, ServiceUnavailable

from albert_embed.pipeline.inputs.file_input import make_file_input
from albert_embed.pipeline.inputs.read_files import UnreadableFileError, read_range
from albert_embed.pipeline.listing.input_files import InputFile
from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.sources.registry import SOURCES
from albert_embed.pipeline.storage.bucket_errors import RemoteFile
from tests.pipeline.storage.test_open_input import COMPRESS

LINES = b"a line\n" * 400_000  # more than is read at a time


class Breaking(io.BytesIO):
    """Gives the first bytes; then the connection breaks."""

    def __init__(self, content: bytes, first: int, error: Exception) -> None:
        super().__init__(content)
        self._first = first
        self._error = error

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() >= self._first:
            raise self._error
        return super().read(size)


ERRORS = [ServiceUnavailable("try again"), ConnectionError("reset"), BeamIOError("refused"), ValueError("in a client")]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_what_a_client_raises_has_a_number_of_the_system(error: Exception) -> None:
    file = RemoteFile(Breaking(b"abcdef", 4, error), "gs://b/a.txt")
    assert (file.read(4), file.tell()) == (b"abcd", 4)
    with pytest.raises(OSError, match=r"the store does not give it, .*: 'gs://b/a\.txt'$") as caught:
        file.read(4)
    assert caught.value.errno == errno.EIO and caught.value.__cause__ is error
    assert (file.seek(1), file.seek(1, io.SEEK_CUR), file.read(2)) == (1, 2, b"cd")
    file.close()
    assert file.closed


def test_what_has_a_number_and_missing_memory_stay_what_they_are() -> None:
    for error in (FileNotFoundError(errno.ENOENT, "No such file"), MemoryError()):
        with pytest.raises(type(error)) as caught:
            RemoteFile(Breaking(b"", 0, error), "gs://b/a.txt").read(1)
        assert caught.value is error


@pytest.mark.parametrize("name", ["a.txt", "a.csv", *(f"a.txt{ending}" for ending in COMPRESS)])
def test_a_connection_that_breaks_ends_the_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ending = name.removeprefix("a.txt").removeprefix("a.csv")
    content = COMPRESS[ending](bytes(range(256)).hex().encode() * 9000) if ending else LINES
    opened: list[Any] = []

    def open_file(path: str, **_: Any) -> Any:
        opened.append(path)
        first = len(content) if len(opened) < 3 else len(content) // 2  # the looks at its start are good
        return Breaking(content, first, ServiceUnavailable("try again"))

    monkeypatch.setattr("apache_beam.io.filesystems.FileSystems.open", open_file)
    source = SOURCES["csv" if name == "a.csv" else "text"]
    with pytest.raises(UnreadableFileError, match=r"can't be read after \d+ records: .*ServiceUnavailable: 503 try"):
        list(read_range(FileRange(path=f"gs://b/{name}", name=name), source, RecordFields(text="a line")))


@pytest.mark.integration
def test_a_file_that_has_gone_from_a_bucket(bucket: str) -> None:
    path = f"{bucket}/gone.txt"
    with pytest.raises(UnreadableFileError, match=r"gone\.txt can't be read: .*NotFound: 404 .*run the same command"):
        list(read_range(FileRange(path=path, name="gone.txt"), SOURCES["text"], RecordFields()))
    file = InputFile(path=path, name="gone.txt", bytes=1, modified=0)
    with pytest.raises(OSError, match="the store does not give it, NotFound: 404") as caught:
        make_file_input((file,), EmbedOptions(model="m", input=(path,), output="o"))
    assert isinstance(caught.value.__cause__, NotFound)


@pytest.mark.integration
def test_a_file_of_a_bucket_in_every_way_that_it_is_read(bucket: str) -> None:
    from apache_beam.io.filesystems import FileSystems

    path = f"{bucket}/a.txt"
    with FileSystems.create(path) as file:
        file.write(LINES)
    ranges = [
        FileRange(path=path, name="a.txt", start=start, stop=start + 10**6) for start in range(0, len(LINES), 10**6)
    ]
    found = [one for range_ in ranges for one in read_range(range_, SOURCES["text"], RecordFields())]
    assert sum(len(one.positions) for one in found if isinstance(one, Records)) == 400_000
