"""Files as parts: the same ranges have the same keys, whoever reads them, and together every record once."""

from __future__ import annotations

import pickle
from pathlib import Path

from albert_embed.pipeline.inputs.file_input import FileInput
from albert_embed.pipeline.inputs.split_files import estimate_content
from albert_embed.pipeline.listing.input_files import InputFile
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records
from albert_embed.pipeline.sources.registry import SOURCES


def make_file(path: Path, lines: int) -> InputFile:
    path.write_text("".join(f"line {number}\n" for number in range(lines)))
    return InputFile(path=str(path), bytes=path.stat().st_size, modified=0, name=path.name)


def test_parts_have_every_record_once(tmp_path: Path) -> None:
    files = tuple(make_file(tmp_path / f"{number}.txt", 100 * number) for number in (1, 2))
    given = FileInput(source=SOURCES["text"], files=files, range_bytes=300)
    opened = given.open_parts(RecordFields())
    assert len(opened.parts) > 4 and len({part.key for part in opened.parts}) == len(opened.parts)
    assert opened.bytes == sum(file.bytes for file in files)
    reader = pickle.loads(pickle.dumps(opened.reader))
    reader.setup()
    found = [records for part in opened.parts for records in reader.read(part)]
    assert sum(len(records.positions) for records in found if isinstance(records, Records)) == 300


def test_a_run_can_take_over_the_ranges_of_another(tmp_path: Path) -> None:
    files = (make_file(tmp_path / "a.txt", 500),)
    before = FileInput(source=SOURCES["text"], files=files, range_bytes=400).open_parts(RecordFields())
    now = FileInput(source=SOURCES["text"], files=files, range_bytes=1000)
    assert now.range_bytes == 1000
    taken_over = now.open_parts(RecordFields(), 400)
    assert [part.key for part in taken_over.parts] == [part.key for part in before.parts]
    assert not {part.key for part in now.open_parts(RecordFields()).parts} & {part.key for part in before.parts}


def test_compressed_files_count_as_their_content() -> None:
    for name, factor in (("a.txt", 1), ("a.txt.gz", 4), ("a.txt.zst", 4)):
        assert estimate_content(InputFile(path=name, bytes=10, modified=0, name=name)) == 10 * factor
