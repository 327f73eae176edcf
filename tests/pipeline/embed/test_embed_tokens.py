"""`embed --tokens` through the command line: pieces and spans beside the same ids."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from albert_embed import read_embeddings_dataset
from albert_embed.model.directory.model_directory import open_model_directory
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.versions import read_manifest
from albert_embed.transforms.graph.preprocess_text import PreprocessText
from albert_embed.transforms.text.vocabulary import load_vocabulary
from tests.pipeline.embed_command import embed_command, list_rows

TEXTS = {
    b"plain": "  In 1945, the  old house\tstood. in 1812,5 it did not. " * 8,
    b"awkward": "De\u0301ja\u0300 vu\u3000\ufb01nance \u65e5\u672c the \u0130stanbul \u2167 house, 3,",
    b"empty": "",
}
SECOND_TEXTS = {b"plain": "A 2nd text", b"awkward": "", b"empty": "A 2nd text"}


def embed(model: Path, folder: Path, name: str, *more: str) -> dict[tuple[bytes, int], dict[str, Any]]:
    source = folder / "in.jsonl"
    lines = [json.dumps({"id": key.decode(), "text": text, "second": SECOND_TEXTS[key]}) for key, text in TEXTS.items()]
    source.write_text("\n".join(lines))
    output = folder / name
    assert main(embed_command(model, source, output, *more)) == 0
    rows = list_rows(output)
    return {(row["id"], row["window"]): row for row in rows}


@pytest.mark.integration
def test_windows_with_tokens(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    windows = ["--max-tokens", "40", "--long-documents", "window", "--window-overlap", "10"]
    plain = embed(tiny_model, tmp_path, "plain", *windows)
    rows = embed(tiny_model, tmp_path, "tokens", *windows, "--tokens")
    vocabulary = load_vocabulary(str(open_model_directory(tiny_model).vocabulary_file))
    assert rows.keys() == plain.keys()
    spans: dict[tuple[bytes, int], tuple[int, int]] = {}
    shared = 0
    for key, row in rows.items():
        assert row["input_ids"] == plain[key]["input_ids"] and "token_starts" not in plain[key]
        text = TEXTS[key[0]].encode()
        pieces = [piece.decode() for piece in row["token_pieces"]]
        found = list(zip(row["token_starts"], row["token_ends"], strict=True))
        assert pieces == [vocabulary.piece(piece_id) for piece_id in row["input_ids"]]
        assert len(found) == len(pieces) and sorted(row["token_starts"]) == row["token_starts"]
        assert all(0 <= start <= end <= len(text) for start, end in found)
        assert found[0][0] == found[0][1] == found[min(1, len(found) - 1)][0]
        assert found[-1] == (found[-2][1], found[-2][1])
        for number, (start, end) in enumerate(found[1:-1]):
            if key[0] == b"plain" and pieces[number + 1] != "<unk>":
                assert text[start:end].decode().lower() == pieces[number + 1].removeprefix("\u2581")
            position = (key[0], row["window_start"] + number)
            shared += position in spans
            assert spans.setdefault(position, (start, end)) == (start, end)
    assert shared >= 20 and rows[b"empty", 0]["token_starts"] == rows[b"empty", 0]["token_ends"] == [0, 0]
    awkward = [
        TEXTS[b"awkward"].encode()[start:end].decode() for (key, _), (start, end) in spans.items() if key == b"awkward"
    ]
    assert set("".join(TEXTS[b"awkward"].split())) <= set("".join(awkward))
    assert read_manifest(str(tmp_path / "tokens")).options["tokens"] is True
    for element in read_embeddings_dataset(str(tmp_path / "tokens")).as_numpy_iterator():
        row = rows[element["id"], int(element["window"])]
        for name in ("token_pieces", "token_starts", "token_ends"):
            assert element[name].tolist() == row[name]
    assert 'name: "token_pieces"' in (tmp_path / "tokens" / "_schema" / "rows.pbtxt").read_text()
    capsys.readouterr()
    assert main(["inspect", str(tmp_path / "tokens"), "--head", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["head"][0]["token_pieces"][0] == "[CLS]"


@pytest.mark.integration
def test_pairs_with_tokens(tiny_model: Path, tmp_path: Path) -> None:
    pair = ["--pair-field", "second", "--max-tokens", "40"]
    plain, rows = embed(tiny_model, tmp_path, "plain", *pair), embed(tiny_model, tmp_path, "out", *pair, "--tokens")
    for key, row in rows.items():
        assert row["input_ids"] == plain[key]["input_ids"]
        separator = row["token_pieces"].index(b"[SEP]")
        assert row["token_starts"] is not None
        text = SECOND_TEXTS[key[0]].encode()
        second = [
            text[start:end]
            for start, end in zip(row["token_starts"][separator + 1 :], row["token_ends"][separator + 1 :], strict=True)
        ]
        assert second == [] if not text else (b"".join(second) == b"A2ndtext" and second[-1] == b"")


def test_the_step_with_its_vocabulary_goes_to_workers(tiny_model: Path) -> None:
    vocabulary = load_vocabulary(str(open_model_directory(tiny_model).vocabulary_file))
    transform = pickle.loads(pickle.dumps(PreprocessText("graph", token_vocabulary=vocabulary)))
    assert transform._token_vocabulary == vocabulary
