"""Pages of outputs that are unlike others: no vector for each row, no row, one row, awkward texts; by the command."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from albert_embed.pipeline.cli.main import main
from tests.pipeline.embed_command import embed_command, list_rows

AWKWARD: list[dict[str, Any]] = [
    {"id": "e \x1b[31m", "text": "red \x1b[31m [bold]x[/bold] :heart: \u202eevil", "score": 7.5, "tags": ["a", "b"]},
    {"id": "s", "text": "</script><script>alert(1)</script>", "score": 0.5, "tags": []},
    {"id": "rtl\u202eid", "text": "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd", "score": None, "tags": ["c"]},
]


def embed(model: Path, folder: Path, records: Sequence[Mapping[str, Any]], *flags: str) -> Path:
    """Embeds records, and returns the output."""
    source, output = folder / "in.jsonl", folder / "out"
    source.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    assert main(embed_command(model, source, output, *flags)) == 0
    return output


@pytest.fixture(scope="module")
def awkward(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output of texts that a terminal or a browser might obey, and of a field that is called `score`."""
    folder = tmp_path_factory.mktemp("awkward")
    return embed(tiny_model, folder, AWKWARD, "--keep-fields", "text,score:float,tags:string[]")


def test_an_output_of_tokens_vectors_alone_shows_their_means(tiny_model: Path, tmp_path: Path) -> None:
    records = [{"id": f"n{number}", "text": "a word " * (number + 1)} for number in range(6)]
    output = embed(tiny_model, tmp_path, records, "--embeddings", "sequence", "--encoding", "float16_bytes")
    page, atlas = tmp_path / "page.html", tmp_path / "atlas.parquet"
    arguments = ["report", str(output), "--output", str(page), "--atlas", str(atlas), "--atlas-vectors"]
    assert main(arguments) == 0
    content = page.read_text(encoding="utf-8")
    assert "Vectors: the mean of sequence_output" in content and content.count("<circle") == 6
    vectors = {row["id"]: row["vector"] for row in pq.read_table(atlas).to_pylist()}
    rows = list_rows(output)
    assert len(vectors) == len(rows) == 6
    for row in rows:
        tokens = np.reshape(row["sequence_output"], (len(row["input_ids"]), -1))
        np.testing.assert_allclose(vectors[row["id"].decode()], tokens.mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("texts", [[], ["one"]], ids=["no row", "one row"])
def test_hardly_any_rows(tiny_model: Path, tmp_path: Path, texts: list[str]) -> None:
    records: list[dict[str, Any]] = [{"id": "bad", "text": 5}, *({"id": text, "text": text} for text in texts)]
    output = embed(tiny_model, tmp_path, records)
    atlas = tmp_path / "atlas.parquet"
    assert main(["report", str(output), "--map", "tsne", "--atlas", str(atlas)]) == 0
    content = (output / "report.html").read_text(encoding="utf-8")
    assert f"<b>{len(texts)}</b>rows" in content and "<circle" not in content
    assert "wrong type: 1" in content
    assert pq.read_table(atlas)["id"].to_pylist() == texts


def test_awkward_texts_on_a_page_and_in_the_file_for_embedding_atlas(awkward: Path, tmp_path: Path) -> None:
    page, atlas = tmp_path / "page.html", tmp_path / "atlas.parquet"
    assert main(["report", str(awkward), "--output", str(page), "--atlas", str(atlas)]) == 0
    content = page.read_text(encoding="utf-8")
    assert content.count("<script") == 2 and "alert(1)" in content
    assert "unicode-bidi: plaintext" in content  # each text in its own direction
    assert "rtl\\u202eid: \u05e9" in content  # an id turns nothing of what stands behind it
    rows = pq.read_table(atlas).to_pylist()
    for name in ("id", "text", "score", "tags"):
        assert [row[name] for row in rows] == [record[name] for record in AWKWARD]


def test_awkward_texts_that_are_found(awkward: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["search", str(awkward), str(AWKWARD[0]["text"]), "--json"]) == 0
    (query,) = json.loads(capsys.readouterr().out)["queries"]
    first = query["hits"][0]
    assert (first["id"], first["kept_score"], first["tags"]) == ("e \x1b[31m", 7.5, ["a", "b"])
    assert first["score"] == pytest.approx(1, abs=1e-5)
    assert main(["search", str(awkward), str(AWKWARD[0]["text"])]) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed and "\u202e" not in printed
    words = "".join(character for character in printed if character not in "│┃ \n")
    for part in (r"\x1b[31m", "[bold]x[/bold]", ":heart:", r"\u202eevil", "kept_score:7.5", "tags:['a','b']"):
        assert part in words


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ("new/", "new/ can't be written: it is a folder; give a file in a folder of yours"),
        ("folder", "folder can't be written: it is a folder; give a file in a folder of yours"),
        ("file/page.html", "file/page.html can't be written: {folder}/file is no folder; give a file in a folder"),
    ],
    ids=["new folder", "folder", "below a file"],
)
@pytest.mark.parametrize("option", ["--output", "--atlas"])
def test_files_that_can_not_be_written_are_refused_at_once(
    awkward: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, output: str, why: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    before = sorted(path.name for path in tmp_path.iterdir())
    capsys.readouterr()
    arguments = {"--output": str(tmp_path / "page.html"), option: f"{tmp_path}/{output}"}
    assert main(["report", str(awkward), *(word for pair in arguments.items() for word in pair)]) == 2
    message = f"albert-embed report: {option} {tmp_path}/{why.format(folder=tmp_path)}"
    assert capsys.readouterr().err.startswith(message)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
