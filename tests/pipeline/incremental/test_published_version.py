"""The version that documents are compared with: a worker finds its files by the number of the version alone."""

from __future__ import annotations

import pickle
from pathlib import Path

from albert_embed.pipeline.incremental.published_version import PublishedVersion
from tests.pipeline.embedded_rows import add_rows, make_rows, publish_rows


def test_the_files_of_each_version(tmp_path: Path) -> None:
    first = make_rows([2, 3])
    publish_rows(tmp_path, [first])
    version = pickle.loads(pickle.dumps(PublishedVersion(directory=str(tmp_path), number=1)))
    (index,) = version.list_index()
    assert index.generation == 1 and Path(index.path).exists() and version.list_tombstones() == []
    add_rows(tmp_path, [make_rows([4], first=5)], [first])
    later = PublishedVersion(directory=str(tmp_path), number=2)
    assert [file.generation for file in later.list_index()] == [1, 2]
    assert [file.generation for file in later.list_tombstones()] == [2]
