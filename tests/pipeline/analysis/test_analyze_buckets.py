"""An analysis of a corpus in a bucket, written to a bucket, against the emulator."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.cli.main import main
from albert_embed.transforms.files.directories import read_file
from albert_embed.transforms.files.literal_files import list_directory

pytestmark = pytest.mark.integration


def write(path: str, content: bytes) -> None:
    with FileSystems.create(path) as file:
        file.write(content)


def test_an_analysis_in_a_bucket_grows_with_its_corpus_and_embed_takes_its_graph(
    bucket: str, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(f"{bucket}/corpus/a.txt", b"one\ntwo\n\xff\n")
    common = ["--model", str(tiny_model), "--input", f"{bucket}/corpus/*.txt"]
    command = ["analyze", *common, "--output", f"{bucket}/analysis"]
    assert main(command) == 0
    assert main(command) == 2
    assert "holds a finished analysis" in capsys.readouterr().err
    write(f"{bucket}/corpus/b.txt", b"three\n")
    assert main([*command, "--overwrite"]) == 0
    report = json.loads(read_file(f"{bucket}/analysis/analysis.json"))
    assert report["statistics"]["documents"] == 3
    assert (report["measured"]["documents_read"], report["corpus"]["files_from_cache"]) == (1, 1)
    assert report["failures"]["by_reason"] == {"read: invalid UTF-8": 1}
    names = list_directory(f"{bucket}/analysis")
    assert not [name for name in names if name.startswith("_")], "staging or lock left behind"
    assert {name for name in names if "/" not in name} == {
        "analysis.json",
        "transform.json",
        report["failures"]["file"],
    }
    embed = ["embed", *common, "--transform", f"{bucket}/analysis", "--output", str(tmp_path / "out")]
    assert main(embed) == 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["transform"] == report["transform"]
    assert manifest["counts"]["rows"] == 3
