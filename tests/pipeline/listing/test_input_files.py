"""Which files the patterns of `--input` name: all of them, each once, or an error."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from albert_embed.pipeline.listing.glob_pattern import GlobPattern
from albert_embed.pipeline.listing.input_files import list_input
from albert_embed.pipeline.storage.paths import expand_path, show_path


def write(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.fsencode(path.name))


def names(*patterns: Path | str, **options: Any) -> list[str]:
    return [file.name for file in list_input([str(pattern) for pattern in patterns], **options).files]


# All that a name can have on a Unix file system: any byte but 0 and "/".
NAMES = (
    st.one_of(
        st.binary(min_size=1, max_size=12).map(os.fsdecode),
        st.text("ab*?[]!^-. _~\n\\{}é\u2028", min_size=1, max_size=8),
    )
    .map(lambda name: name.replace("\0", "0").replace("/", "|"))
    .filter(lambda name: name not in (".", ".."))
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(NAMES, min_size=1, max_size=3), min_size=1, max_size=8))
def test_what_is_on_disk_is_what_is_listed(paths: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        written = {}
        for number, parts in enumerate(paths):
            path = os.path.join(folder, *parts)
            try:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "x") as file:
                    file.write("x" * number)
            except OSError:  # a name is a file and a folder, or twice the same
                continue
            written[path] = number
        hidden = [path for path in written if any(n[0] in "._" for n in os.path.relpath(path, folder).split("/"))]
        for pattern in (folder, f"{folder}/", f"{folder}/**"):
            if pattern.endswith("*") and os.path.lexists(pattern):  # then it is that name
                continue
            listing = list_input([pattern], include_hidden=True)
            assert {file.path: file.bytes for file in listing.files} == written
            assert [os.path.join(folder, file.name) for file in listing.files] == [file.path for file in listing.files]
            if len(hidden) < len(written):
                visible = {file.path for file in list_input([pattern]).files}
                assert visible == written.keys() - hidden
        for path in written:  # by its own name, whatever that has
            assert [file.path for file in list_input([path]).files] == [path]
        with_all = list_input(sorted(written))
        assert [file.path for file in with_all.files] == sorted(written)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.txt", ["a.txt", "b.txt"]),
        ("?.txt", ["a.txt", "b.txt"]),
        ("[!b].txt", ["a.txt"]),
        ("[a-b].*", ["a.txt", "b.txt"]),
        ("*", ["a.txt", "b.txt", "c"]),
        ("*/*.txt", ["d/e.txt"]),
        ("**/*.txt", ["a.txt", "b.txt", "d/e.txt", "d/f/g.txt"]),
        ("**.txt", ["a.txt", "b.txt", "d/e.txt", "d/f/g.txt"]),
        ("d/**", ["e.txt", "f/g.txt"]),
        ("d/**/g.*", ["f/g.txt"]),
        ("*/f/*", ["d/f/g.txt"]),
        ("d", ["e.txt", "f/g.txt"]),
        ("*/", ["d/e.txt", "d/f/g.txt"]),
        ("_h/*", ["i.txt"]),
        ("_*/*", ["_h/i.txt"]),
        ("**/.*", ["d/.k"]),
    ],
)
def test_patterns(tmp_path: Path, pattern: str, expected: list[str]) -> None:
    for name in ("a.txt", "b.txt", "c", "d/e.txt", "d/f/g.txt", "d/.k", "_h/i.txt", ".j"):
        write(tmp_path / name)
    assert names(f"{tmp_path}/{pattern}") == expected


def test_a_name_that_exists_is_no_pattern(tmp_path: Path) -> None:
    for name in ("a1.txt", "a[1].txt", "[x]/b.txt", "x/c.txt", "*.txt"):
        write(tmp_path / name)
    assert names(tmp_path / "a1.txt", tmp_path / "a[1].txt") == ["a1.txt", "a[1].txt"]
    assert names(tmp_path / "[x]/*.txt") == ["b.txt"]
    assert names(tmp_path / "*.txt") == ["*.txt"]


def test_hidden_files_are_left_out_and_counted(tmp_path: Path) -> None:
    for name in ("a.txt", ".DS_Store", ".git/config", "_SUCCESS", "d/._x.parquet", "d/b.txt", "_temporary/0/part"):
        write(tmp_path / name)
    listing = list_input([str(tmp_path / "**")])
    assert [file.name for file in listing.files] == ["a.txt", "d/b.txt"]
    assert (listing.hidden, listing.hidden_folders) == (3, 2)  # folders are not looked into
    assert len(names(tmp_path, include_hidden=True)) == 7
    assert names(tmp_path / "d/._x.parquet") == ["._x.parquet"]
    with pytest.raises(FileNotFoundError, match=r"\*S matches no files; 1 whose names start with \. or _ were left"):
        write(tmp_path / "e" / "_S")
        names(tmp_path / "e" / "*S")
    with pytest.raises(FileNotFoundError, match=r"matches no files; 2 whose names start with \. or _ were left out"):
        names(tmp_path / "**/0/*")


def test_the_output_is_not_looked_into(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", tmp_path / "emb/manifest.json", tmp_path / "emb2/b.txt", tmp_path / "c/manifest.json")
    listing = list_input([str(tmp_path / "**")], leave_out=str(tmp_path / "emb"))
    assert [file.name for file in listing.files] == ["a.txt", "c/manifest.json", "emb2/b.txt"]
    assert listing.manifests == (str(tmp_path / "c"),)


def test_names_are_those_below_what_all_patterns_have_in_common(tmp_path: Path) -> None:
    write(tmp_path / "a/1.txt", tmp_path / "b/1.txt")
    assert names(tmp_path / "a/*.txt") == ["1.txt"]
    assert names(tmp_path / "a/*.txt", tmp_path / "b") == ["a/1.txt", "b/1.txt"]
    assert names(tmp_path / "a/1.txt", tmp_path / "b/1.txt") == ["a/1.txt", "b/1.txt"]


def test_a_file_that_two_patterns_name_is_listed_twice(tmp_path: Path) -> None:
    write(tmp_path / "a.txt")
    files = list_input([str(tmp_path / "*.txt"), str(tmp_path / "a.txt")]).files
    assert [(file.name, file.repeat) for file in files] == [("a.txt", 0), ("a.txt", 1)]


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    write(tmp_path / "far/b.txt", tmp_path / "in/a.txt")
    (tmp_path / "in/link").symlink_to(tmp_path / "far")
    (tmp_path / "in/up").symlink_to(tmp_path / "in")
    assert names(tmp_path / "in") == ["a.txt", "link/b.txt"]


def test_files_that_links_lead_to_again_are_counted(tmp_path: Path) -> None:
    write(tmp_path / "2023/a.txt", tmp_path / "2024/b.txt", tmp_path / "2024/c.txt")
    assert list_input([str(tmp_path)]).linked_again == 0
    (tmp_path / "latest").symlink_to(tmp_path / "2024")
    listing = list_input([str(tmp_path)])
    assert [file.name for file in listing.files] == [
        "2023/a.txt",
        "2024/b.txt",
        "2024/c.txt",
        "latest/b.txt",
        "latest/c.txt",
    ]
    assert listing.linked_again == 2
    assert list_input([f"{tmp_path}/latest/*"]).linked_again == 0


def test_a_link_to_nothing_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "a.txt")
    (tmp_path / "b.txt").symlink_to(tmp_path / "gone")
    with pytest.raises(FileNotFoundError, match=r"^--input names .*/b\.txt, a link to what is not there: a part of"):
        names(tmp_path / "*.txt")
    assert names(tmp_path / "a*") == ["a.txt"]


def test_a_link_that_may_have_been_a_folder_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "in/here/a.txt", tmp_path / "in/b.md")
    (tmp_path / "in/gone").symlink_to(tmp_path / "share")
    for pattern in ("*/*.txt", "**/*.txt", "g*/x/a.txt", ""):
        with pytest.raises(FileNotFoundError, match=r"^--input names .*/in/gone, a link to what is not there"):
            names(f"{tmp_path}/in/{pattern}")
    assert names(f"{tmp_path}/in/*.md") == ["b.md"] and names(f"{tmp_path}/in/h*/*") == ["here/a.txt"]


def test_a_link_to_itself_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "a.txt")
    (tmp_path / "loop.txt").symlink_to(tmp_path / "loop.txt")
    with pytest.raises(FileNotFoundError, match=r"^--input names .*/loop.txt, a link to what is not there: a part of"):
        names(tmp_path)
    assert names(tmp_path / "a*") == ["a.txt"]


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.txt", tmp_path / "d/b.txt")
    scandir = os.scandir

    def refuse(folder: str) -> Iterator[os.DirEntry[str]]:  # the tests may run as a user who may read everything
        if folder == str(tmp_path / "d"):
            raise PermissionError(13, "Permission denied", folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError) as error:
        names(tmp_path)
    assert str(error.value) == (
        f"--input: {tmp_path}/d can't be listed (Permission denied): a part of the input would be missing. Make it "
        "readable, or give a pattern that leaves it out"
    )
    assert names(tmp_path / "*.txt") == ["a.txt"]


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (str(tmp_path / "pipe"), str(tmp_path / "*"), "/dev/null"):
        with pytest.raises(ValueError, match=r"which is not a regular file: .* Copy its content to a file$"):
            names(path)


def test_a_pattern_that_names_nothing(tmp_path: Path) -> None:
    for pattern in (tmp_path, tmp_path / "none.txt", tmp_path / "x*", tmp_path / "none/x"):
        with pytest.raises(FileNotFoundError) as error:
            names(pattern)
        assert str(error.value) == f"--input {pattern} matches no files; give a path, a folder or a glob that does"


def test_the_output_is_no_input(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(ValueError, match=r"is the output's own folder, which is not read; give another --output$"):
        list_input([str(tmp_path)], leave_out=f"{tmp_path}/")


@pytest.mark.parametrize("path", ["http://example.com/a.jsonl", "https://example.com/*", "s4://b/x"])
def test_file_systems_that_there_are_not(path: str) -> None:
    scheme = path.split("//")[0]
    with pytest.raises(ValueError, match=f"there is no file system for {scheme}// here; give files in a local folder"):
        list_input([path])


def test_paths_as_users_write_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert expand_path("file:///a%20b/c") == expand_path("file://localhost/a b/c") == "/a b/c"
    assert expand_path("FILE:///a") == "/a"
    for path in ("file://server/a", "file://a.txt", "file://localhosts/a"):
        with pytest.raises(ValueError, match=rf"^{path} names a file of another machine; give file:///PATH"):
            expand_path(path)
    assert expand_path("~/x") == "/home/me/x" and expand_path("gs://b/~") == "gs://b/~"
    assert show_path(os.fsdecode(b"a\xff")) == "a\\xff" and show_path("é") == "é"


@given(st.text("ab[]!^-*?\\&|~", max_size=8))
def test_every_pattern_is_one(part: str) -> None:
    pattern = GlobPattern(parts=(part,))
    assert isinstance(pattern.matches("ab"), bool)
    if not set(part) & set("*?["):
        assert pattern.matches(part) or not part


@pytest.mark.integration
def test_a_bucket(bucket: str) -> None:
    from apache_beam.io.filesystems import FileSystems

    for name in ("a.txt", "a[1].txt", "d/b.txt", "d/_c.txt", "d/emb/manifest.json", "dx/e.txt"):
        with FileSystems.create(f"{bucket}/{name}") as file:
            file.write(name.encode())
    assert names(f"{bucket}/*.txt") == ["a.txt", "a[1].txt"]
    assert names(f"{bucket}/a[1].txt") == ["a[1].txt"]
    assert names(f"{bucket}/d") == names(f"{bucket}/d/") == ["b.txt", "emb/manifest.json"]
    listing = list_input([f"{bucket}/d/**"], leave_out=f"{bucket}/other")
    assert listing.manifests == (f"{bucket}/d/emb",) and listing.hidden == 1
    assert names(f"{bucket}/d/**", leave_out=f"{bucket}/d/emb") == ["b.txt"]
    assert names(f"{bucket}/d*/*.txt") == ["d/b.txt", "dx/e.txt"]
    with pytest.raises(FileNotFoundError, match=r"matches no files; give a path, a folder or a glob that does$"):
        names(f"{bucket}/none")


def test_sets_of_characters() -> None:
    def match(part: str) -> str:
        return "".join(name for name in "abc-]!&[" if GlobPattern(parts=(part,)).matches(name))

    assert [match(part) for part in ("[a-b]", "[!a-b]", "[b-a]", "[]a]", "[!]a]", "[a&&b]", "[--a]", "[a")] == [
        *("ab", "c-]!&[", "", "a]", "bc-!&[", "ab&", "a-][", ""),
    ]
