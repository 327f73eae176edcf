"""Archives are unpacked into their folder and nowhere else."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from albert_embed.model.directory.archive import ArchiveError, is_archive, unpack_archive


def write_archive(path: Path, *members: tarfile.TarInfo | tuple[str, bytes], mode: str = "w:gz") -> Path:
    """Writes members: (name, content) for files, a TarInfo for whatever else."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
                continue
            name, content = member
            information = tarfile.TarInfo(name)
            information.size = len(content)
            archive.addfile(information, io.BytesIO(content))
    return path


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    information = tarfile.TarInfo(name)
    information.type, information.linkname = kind, target
    return information


def list_files(folder: Path) -> list[str]:
    return sorted(
        os.path.relpath(os.path.join(root, name), folder) for root, _, names in os.walk(folder) for name in names
    )


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        *((name, b"x", True) for name in ("a.tar.gz", "a.tgz", "a.tar")),
        *((name, b"PK", False) for name in ("a.zip", "tar.gz.d", "a.gz")),
        ("2?tf-hub-format=compressed", b"\x1f\x8b\x08", True),  # what wget calls a download of TF Hub
        ("empty", b"", False),
    ],
)
def test_archives_are_known_by_their_names_and_beginnings(
    tmp_path: Path, name: str, content: bytes, expected: bool
) -> None:
    (tmp_path / name).write_bytes(content)
    assert is_archive(tmp_path / name) is expected


def test_one_folder_is_the_model(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.tar.gz", ("albert_base/config", b"1"), ("albert_base/assets/v", b"2"))
    folder = unpack_archive(archive, tmp_path / "out")
    assert folder == tmp_path / "out" / "albert_base"
    assert list_files(folder) == ["assets/v", "config"]
    assert (folder / "assets" / "v").read_bytes() == b"2"


def test_files_at_the_root_are_the_model(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.tgz", ("./saved_model.pb", b"1"), ("./assets/v", b"2"))
    folder = unpack_archive(archive, tmp_path / "out")
    assert folder == tmp_path / "out"
    assert list_files(folder) == ["assets/v", "saved_model.pb"]


def test_hidden_entries_beside_the_folder_do_not_count(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.tar", ("._albert", b"x"), ("albert/config", b"1"), mode="w")
    assert unpack_archive(archive, tmp_path / "out") == tmp_path / "out" / "albert"


@pytest.mark.parametrize("name", ["../escaped", "albert/../../escaped", "./../escaped"])
def test_a_path_that_leads_outside_is_refused(tmp_path: Path, name: str) -> None:
    archive = write_archive(tmp_path / "a.tar.gz", (name, b"evil"))
    with pytest.raises(ArchiveError, match=r"a.tar.gz is refused: .*outside the destination"):
        unpack_archive(archive, tmp_path / "deep" / "out")
    assert list_files(tmp_path) == ["a.tar.gz"]


def test_an_absolute_path_is_taken_for_one_inside(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.tar.gz", (f"{tmp_path}/outside/escaped", b"evil"))
    target = tmp_path / "out"
    unpack_archive(archive, target)
    assert list_files(target) == [f"{tmp_path}/outside/escaped".lstrip("/")]
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE], ids=["symbolic", "hard"])
@pytest.mark.parametrize("target", ["../../secret", "{secret}"])
def test_a_link_to_the_outside_is_refused(tmp_path: Path, kind: bytes, target: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("mine")
    archive = write_archive(
        tmp_path / "a.tar.gz", link("albert/l", target.format(secret=secret), kind), ("albert/l", b"overwritten")
    )
    with pytest.raises(ArchiveError, match=r"a.tar.gz (is refused|can't be unpacked): "):
        unpack_archive(archive, tmp_path / "deep" / "out")
    assert secret.read_text() == "mine"


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    archive = write_archive(tmp_path / "a.tar.gz", link("albert/d", str(outside)), ("albert/d/file", b"evil"))
    with pytest.raises(ArchiveError, match=r"a.tar.gz is refused: "):
        unpack_archive(archive, tmp_path / "out")
    assert list_files(outside) == []


def test_a_link_that_stays_inside_is_kept(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.tar.gz", ("albert/a", b"1"), link("albert/b", "a"))
    folder = unpack_archive(archive, tmp_path / "out")
    assert (folder / "b").read_bytes() == b"1"


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.FIFOTYPE], ids=["device", "pipe"])
def test_special_files_are_refused(tmp_path: Path, kind: bytes) -> None:
    archive = write_archive(tmp_path / "a.tar.gz", link("albert/x", "", kind))
    with pytest.raises(ArchiveError, match=r"a.tar.gz is refused: .*special file"):
        unpack_archive(archive, tmp_path / "out")


def test_a_truncated_archive_is_named(tmp_path: Path) -> None:
    whole = write_archive(tmp_path / "a.tar.gz", ("albert/a", os.urandom(100_000))).read_bytes()
    for length in (0, 1, 15, 1_000, 60_000, len(whole) - 9):
        path = tmp_path / f"{length}.tar.gz"
        path.write_bytes(whole[:length])
        with pytest.raises(ArchiveError, match=rf"{length}.tar.gz can't be unpacked: .*was it downloaded whole\?$"):
            unpack_archive(path, tmp_path / f"out{length}")


def test_a_garbled_archive_is_named(tmp_path: Path) -> None:
    text = b" ".join(str(number).encode() for number in range(60_000))
    whole = write_archive(tmp_path / "a.tar.gz", ("albert/a", text)).read_bytes()
    for position in range(100, len(whole) - 100, len(whole) // 40):
        path = tmp_path / f"{position}.tar.gz"
        path.write_bytes(whole[:position] + b"\xff" * 16 + whole[position + 16 :])
        with pytest.raises(ArchiveError, match=rf"{position}.tar.gz can't be unpacked: "):
            unpack_archive(path, tmp_path / f"out{position}")
