"""Numbers of rows: by generation, file and place, so that a row's number stays when others are added."""

from __future__ import annotations

import numpy as np
import pytest

from albert_embed.pipeline.dataset.published_output import PublishedFile
from albert_embed.pipeline.nearest import row_places
from albert_embed.pipeline.nearest.row_places import PlacedFile, group_places, place_files

ROWS = 1 << 28  # that one file can have


def list_published(*generations: int) -> list[PublishedFile]:
    return [PublishedFile(path=f"file {number}", generation=value) for number, value in enumerate(generations)]


def test_files_are_numbered_within_their_generations() -> None:
    placed = place_files(list_published(1, 1, 3))
    assert [file.first for file in placed] == [(1 << 18) * ROWS, ((1 << 18) + 1) * ROWS, (3 << 18) * ROWS]
    assert placed[1].place_rows(5, 2).tolist() == [placed[1].first + 5, placed[1].first + 6]


def test_rows_are_found_again_file_by_file() -> None:
    first, second, third = place_files(list_published(1, 1, 2))
    places = np.concatenate([first.place_rows(0, 2), third.place_rows(7, 1), third.place_rows(9, 1)])
    assert list(group_places(places, [first, second, third])) == [(first, [0, 1]), (third, [7, 9])]
    with pytest.raises(KeyError):
        list(group_places(places, [first, second]))


def test_a_file_has_no_more_rows_than_there_are_numbers() -> None:
    (file,) = list_published(1)
    placed = PlacedFile(file=file, first=0)
    assert placed.place_rows(ROWS - 1, 1).tolist() == [ROWS - 1]
    with pytest.raises(ValueError, match=r"^file 0 has more than 268,435,456 rows; write smaller --shard-bytes$"):
        placed.place_rows(ROWS - 1, 2)


def test_there_are_no_more_files_than_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_places, "_FILE_BITS", 1)
    monkeypatch.setattr(row_places, "_GENERATION_BITS", 2)
    assert len(place_files(list_published(1, 1, 2, 2))) == 4
    with pytest.raises(ValueError, match=r"^file 2 is file 2 of generation 1, more than an index can number: run"):
        place_files(list_published(1, 1, 1))
    with pytest.raises(ValueError, match=r"^file 0 is file 0 of generation 3, more than an index can number: run"):
        place_files(list_published(3))
