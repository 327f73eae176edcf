"""Which changes of a file make it another one."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import pytest

from albert_embed.pipeline.storage.file_version import FileVersion

LOCAL = FileVersion(bytes=100, modified=5, changed=6, inode=7)


@pytest.mark.parametrize(
    ("changes", "replaced"),
    [
        ({}, False),
        ({"modified": 8, "changed": 8}, True),  # written anew, of the same length
        ({"bytes": 90, "modified": 8, "changed": 8}, True),
        ({"inode": 9, "changed": 8}, True),  # another one with the same time, moved over it
        ({"inode": 9, "bytes": 110, "modified": 8, "changed": 8}, True),
        ({"bytes": 110, "modified": 8, "changed": 8}, False),  # grown
        ({"changed": 8}, False),  # other rights
        ({"inode": 9}, False),  # numbered anew by a network file system
    ],
)
def test_local_files(changes: dict[str, Any], replaced: bool) -> None:
    found = dataclasses.replace(LOCAL, **changes)
    assert LOCAL.is_replaced_by(pickle.loads(pickle.dumps(found))) is replaced


def test_objects_of_a_store_are_told_by_its_tag() -> None:
    assert FileVersion(tag="1").is_replaced_by(FileVersion(tag="2"))
    assert not FileVersion(tag="1").is_replaced_by(FileVersion(tag="1"))


def test_what_is_not_known_replaces_nothing() -> None:
    for version in (LOCAL, FileVersion(tag="1"), FileVersion()):
        assert not version.is_replaced_by(FileVersion())
        assert not FileVersion().is_replaced_by(version)
