"""Whole speeches in windows: put together, they are the speeches' tokens, every one and nothing else."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from pathlib import Path

import pytest
import sentencepiece

from albert_embed import read_embeddings
from albert_embed.model.directory.model_directory import open_model_directory
from albert_embed.pipeline.cli.main import main
from albert_embed.transforms.text.vocabulary import load_vocabulary
from tests.pipeline.embed_command import embed_command
from tests.pipeline.reference import Reference
from tests.transforms.text.test_golden_tokenization import is_tie

OVERLAP = 64


@pytest.mark.integration
def test_the_windows_of_speeches_put_together_are_their_tokens(tiny_model: Path, tmp_path: Path, shared: Path) -> None:
    source = shared / "corpora" / "speeches.jsonl.gz"
    flags = ["--long-documents", "window", "--window-overlap", str(OVERLAP)]
    arguments = embed_command(tiny_model, source, tmp_path / "out")
    assert main([*arguments, *flags]) == 0
    windows: dict[bytes, dict[int, tuple[int, list[int]]]] = defaultdict(dict)
    for batch in read_embeddings(str(tmp_path / "out")):
        for row in batch.select(["id", "window", "window_start", "input_ids"]).to_pylist():
            assert row["window"] not in windows[row["id"]]
            windows[row["id"]][row["window"]] = row["window_start"], row["input_ids"]
    with gzip.open(source, "rt", encoding="utf-8") as file:
        speeches = {record["id"].encode(): record["text"] for record in map(json.loads, file)}
    assert windows.keys() == speeches.keys() and len(speeches) == 124
    reference = Reference(tiny_model)
    vocabulary_file = str(open_model_directory(tiny_model).vocabulary_file)
    vocabulary = load_vocabulary(vocabulary_file)
    processor = sentencepiece.SentencePieceProcessor(model_file=vocabulary_file)
    tied = 0
    for name, text in speeches.items():
        found = windows[name]
        assert sorted(found) == list(range(len(found)))
        tokens: list[int] = []
        for window in range(len(found)):
            start, (first, *content, last) = found[window]
            assert (first, last) == (2, 3) and len(content) <= 126
            if window:
                assert len(tokens) - start == OVERLAP
                assert tokens[start:] == content[:OVERLAP]
            tokens[start:] = content
        expected = reference.tokenize(text)
        if tokens != expected:  # where two segmentations score the same, implementations choose differently
            assert is_tie(vocabulary, processor, expected, tokens), name
            tied += 1
    assert tied <= len(speeches) // 5  # of some ten thousand words each, in a vocabulary of 400 pieces
