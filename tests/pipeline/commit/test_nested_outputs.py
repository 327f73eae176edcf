"""An output in another one, or around one, is refused before anything is written, also with `--overwrite`."""

from __future__ import annotations

from pathlib import Path

import pytest

from albert_embed.pipeline.analysis.analysis_directory import AnalysisDirectory
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.commit.claim import Claimant
from albert_embed.pipeline.commit.open_output import open_output
from albert_embed.pipeline.dataset.versions import create_version
from albert_embed.pipeline.shards.row_counts import RowCounts
from albert_embed.pipeline.storage.output_error import OutputError
from albert_embed.transforms.files.create_file import create_file
from albert_embed.transforms.files.literal_files import list_directory
from tests.pipeline.embedded_rows import make_rows, publish_rows
from tests.pipeline.made_manifest import make_manifest
from tests.tiny_model import CORPUS


@pytest.fixture(params=["local", pytest.param("bucket", marks=pytest.mark.integration)])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path) if request.param == "local" else str(request.getfixturevalue("bucket"))


def finish_output(directory: str) -> None:
    create_version(directory, make_manifest(RowCounts(), generation=1, run="run"))


@pytest.mark.parametrize("below", ["sub", "deep/er/sub", "parquet", "_staging/sub"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_in_a_finished_output(folder: str, below: str, overwrite: bool) -> None:
    finish_output(f"{folder}/out")
    with pytest.raises(OutputError) as error:
        open_output(f"{folder}/out/{below}", overwrite=overwrite, add=not overwrite)
    assert str(error.value) == (
        f"{folder}/out/{below} lies in {folder}/out, which holds a finished output: whoever lists, copies or deletes "
        "that would take this with it. Give an --output beside it"
    )


@pytest.mark.parametrize("below", ["sub", "deep/er/sub"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_around_a_finished_output(folder: str, below: str, overwrite: bool) -> None:
    finish_output(f"{folder}/out/{below}")
    with pytest.raises(OutputError) as error:
        open_output(f"{folder}/out", overwrite=overwrite, add=not overwrite)
    assert str(error.value) == (
        f"{folder}/out has a finished output below it, in {below}: whoever lists, copies or deletes the one would take "
        "the other with it. Give an --output beside it, or move that one"
    )


CLAIMANT = Claimant(run="run", host="there", pid=12, renewed=0.0)


@pytest.mark.parametrize("overwrite", [False, True])
def test_in_or_around_an_output_whose_first_run_goes_on(folder: str, overwrite: bool) -> None:
    create_file(f"{folder}/out/sub/_claim.json", CLAIMANT.to_json())
    with pytest.raises(OutputError) as error:
        open_output(f"{folder}/out/sub/deep/er", overwrite=overwrite, add=not overwrite)
    assert str(error.value) == (
        f"{folder}/out/sub/deep/er lies in {folder}/out/sub, which another run has claimed (process 12 on there): "
        "whoever lists, copies or deletes that would take this with it. Give an --output beside it, or remove "
        f"{folder}/out/sub/_claim.json if that run has ended and is not to go on"
    )
    with pytest.raises(OutputError) as error:
        open_output(f"{folder}/out", overwrite=overwrite, add=not overwrite)
    assert str(error.value) == (
        f"{folder}/out has a folder below it, sub, which another run has claimed (process 12 on there): whoever lists, "
        "copies or deletes the one would take the other with it. Give an --output beside it, or remove "
        f"{folder}/out/sub/_claim.json if that run has ended and is not to go on"
    )
    assert open_output(f"{folder}/out/sub", overwrite=overwrite, add=not overwrite) is None


def test_beside_one_or_what_only_looks_like_one(folder: str) -> None:
    finish_output(f"{folder}/out")
    create_file(f"{folder}/project/manifest.json", b"of something else")
    create_file(f"{folder}/project/new/_versions/notes.txt", b"mine")
    create_file(f"{folder}/project/_claim.json", b"of something else")
    create_file(f"{folder}/project/new/deep/er/_claim.json", b"of something else")
    for name in ("out2", "ou", "project/new/deeper"):
        assert open_output(f"{folder}/{name}", overwrite=False) is None
    assert open_output(f"{folder}/project/new", overwrite=True) is None


def test_outputs_that_are_nested_already_can_be_added_to(folder: str) -> None:
    for name in ("out", "out/sub"):
        finish_output(f"{folder}/{name}")
        latest = open_output(f"{folder}/{name}", overwrite=False, add=True)
        assert latest is not None and latest.generation == 1


def test_a_link_into_an_output(tmp_path: Path) -> None:
    finish_output(f"{tmp_path}/out")
    (tmp_path / "link").symlink_to(tmp_path / "out")
    with pytest.raises(OutputError, match=f"^{tmp_path}/link/sub lies in {tmp_path}/out, which holds a finished"):
        open_output(f"{tmp_path}/link/sub", overwrite=False)


def test_an_analysis_in_an_output_and_around_one(tmp_path: Path) -> None:
    finish_output(f"{tmp_path}/out")
    for name, said in (("out/sub", "lies in"), ("", "has a finished output below it, in out")):
        with pytest.raises(OutputError, match=said):
            AnalysisDirectory(f"{tmp_path}/{name}".rstrip("/")).prepare(overwrite=True)


@pytest.mark.integration
def test_commands_say_so_and_write_nothing(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish_rows(tmp_path / "deep" / "out", [make_rows([2])])
    before = list_directory(str(tmp_path))
    for command in ("embed", "analyze"):
        for output, said in (("deep/out/sub", "lies in"), ("deep", "has a finished output below it, in out")):
            for more in ([], ["--overwrite"], *([["--dry-run"]] if command == "embed" else [])):
                names = ["--model", str(tiny_model), "--input", str(CORPUS), "--output", str(tmp_path / output)]
                assert main([command, *names, *more]) == 2
                assert f"{tmp_path / output} {said}" in capsys.readouterr().err
                assert list_directory(str(tmp_path)) == before
