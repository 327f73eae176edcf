"""`albert-embed analyze` end to end: its numbers against plain Python, its cache, its graph, its refusals."""

from __future__ import annotations

import json
import math
import os
import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.pipeline.analysis.analyze import run_analyze
from albert_embed.pipeline.analysis.corpus_report import CorpusReport
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.settings.analyze_options import AnalyzeOptions
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.transforms.graph.transform_graph import read_description, transform_fingerprint
from tests.pipeline.reference import Reference

TEXTS = [
    "the model reads text and writes vectors",
    "The model reads text, and writes 1945, 17 vectors.",
    "the model reads text and writes vectors",
    "",
    "  \t ",
    "Привет мир, αβγ 漢字 ひらがな اللغة العربية",
    "naïve café № ½ ☃",
    "a word " * 90,
    "another one " * 40,
    "x",
]


def analyze(model: Path, corpus: Path | list[Path], output: Path, **given: Any) -> CorpusReport:
    """Runs the analysis; options of its own and of `embed` alike."""
    own = {name: given.pop(name) for name in ("cache", "plan", "rates") if name in given}
    files = [corpus] if isinstance(corpus, Path) else corpus
    embed = EmbedOptions(model=str(model), input=tuple(map(str, files)), output=str(output), **given)
    return run_analyze(AnalyzeOptions(embed=embed, **own), PipelineOptions([]))


def write_lines(path: Path, texts: list[str]) -> Path:
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def window_lengths(tokens: int, room: int, overlap: int) -> list[int]:
    """Returns the lengths of the windows over so many tokens, [CLS] and [SEP] included."""
    count = max(1, math.ceil((tokens - overlap) / (room - overlap)))
    return [min(room, tokens - window * (room - overlap)) + 2 for window in range(count)]


def expect_rows(counts: list[int], long_documents: str, max_tokens: int, overlap: int) -> dict[str, int]:
    """Returns how many rows of each length documents of so many tokens become."""
    lengths: list[int] = []
    for tokens in counts:
        if long_documents == "window":
            lengths += window_lengths(tokens, max_tokens - 2, overlap)
        elif tokens <= max_tokens - 2 or long_documents == "truncate":
            lengths.append(min(tokens, max_tokens - 2) + 2)
    return {str(length): rows for length, rows in sorted(Counter(lengths).items())}


@pytest.mark.integration
@pytest.mark.parametrize("long_documents", ["truncate", "window", "reject"])
def test_the_numbers_are_those_of_plain_python(tiny_model: Path, tmp_path: Path, long_documents: str) -> None:
    corpus = write_lines(tmp_path / "corpus.txt", TEXTS)
    report = analyze(
        tiny_model, corpus, tmp_path / "out", max_tokens=64, long_documents=long_documents, window_overlap=16
    )
    reference = Reference(tiny_model)
    tokens = [reference.tokenize(text) for text in TEXTS]
    counts = [len(ids) for ids in tokens]
    found = report.statistics
    assert found["documents"] == len(TEXTS)
    assert found["text_bytes"] == sum(len(text.encode()) for text in TEXTS)
    assert found["tokens"] == sum(counts)
    assert found["longest_tokens"] == max(counts)
    assert found["counts"] == {
        "empty": 2,
        "over_length": sum(count > 62 for count in counts),
        "unknown_tokens": sum(ids.count(1) for ids in tokens),
        "distinct": len(set(TEXTS)),
        "id_bytes": sum(1 + (piece > 127) for ids in tokens for piece in ids),
    }
    assert found["counts"]["over_length"] == 2 and found["counts"]["unknown_tokens"] > 0
    assert found["duplicate_share"] == 0.1 and found["duplicate_share_is"] == "exact"
    assert found["token_quantiles"]["p50"] == sorted(counts)[len(counts) // 2]
    bounds = Counter(next(1 << power for power in range(30) if count <= 1 << power) for count in counts)
    assert found["documents_up_to_tokens"] == {str(bound): bounds[bound] for bound in sorted(bounds)}
    rows = expect_rows(counts, long_documents, 64, 16)
    assert found["rows_of_length"] == rows
    assert found["row_tokens"] == sum(int(length) * count for length, count in rows.items())
    letters = Counter(script_of(character) for text in TEXTS for character in text if is_letter(character))
    total = sum(letters.values())
    assert found["letter_shares"] == {script: round(letters[script] / total, 6) for script in found["letter_shares"]}
    assert set(found["letter_shares"]) == set(letters)
    assert json.loads((tmp_path / "out" / "analysis.json").read_text())["statistics"] == found


def is_letter(character: str) -> bool:
    return unicodedata.category(character).startswith("L")


def script_of(character: str) -> str:
    """Returns the script by the character's Unicode name, which is enough for `TEXTS`."""
    name = unicodedata.name(character)
    start = re.match(r"LATIN|CYRILLIC|GREEK|CJK|HIRAGANA|ARABIC", name)
    assert start is not None, name
    return {"CJK": "Han"}.get(start[0], start[0].capitalize())


@pytest.mark.integration
def test_pairs_are_counted_together(tiny_model: Path, tmp_path: Path) -> None:
    pairs = [("the model", "reads text"), ("the model", "reads text"), ("the model reads", "text"), ("", "")]
    corpus = tmp_path / "pairs.jsonl"
    corpus.write_text("".join(json.dumps({"text": first, "other": second}) + "\n" for first, second in pairs))
    found = analyze(tiny_model, corpus, tmp_path / "out", pair_field="other").statistics
    reference = Reference(tiny_model)
    counts = [len(reference.tokenize(first)) + len(reference.tokenize(second)) for first, second in pairs]
    assert found["tokens"] == sum(counts)
    expected = {"empty": 1, "over_length": 0, "unknown_tokens": 0, "distinct": 3}
    assert expected.items() <= found["counts"].items()
    assert found["rows_of_length"] == {
        str(length): rows
        for length, rows in sorted(
            Counter(count + (3 if second else 2) for count, (_, second) in zip(counts, pairs, strict=True)).items()
        )
    }


@pytest.mark.integration
def test_what_cannot_be_read_is_counted_and_written_down_and_stays_so_from_the_cache(
    tiny_model: Path, tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_bytes(b'{"text": "good"}\n{"text": 7}\nno JSON\n{"text": "also good"}\n')
    for overwrite in (False, True):
        report = analyze(tiny_model, corpus, tmp_path / "out", overwrite=overwrite)
        assert report.statistics["documents"] == 2
        assert report.corpus.files_read == (0 if overwrite else 1)
        assert report.failures.by_reason == {"read: invalid JSON": 1, "read: wrong type": 1}
        lines = (tmp_path / "out" / report.failures.file).read_text().splitlines()
        assert sorted(json.loads(line)["reason"] for line in lines) == ["invalid JSON", "wrong type"]


@pytest.mark.integration
def test_a_corpus_that_grew_has_only_its_new_files_read(tiny_model: Path, tmp_path: Path) -> None:
    corpus, fresh = tmp_path / "corpus", tmp_path / "fresh"
    corpus.mkdir()
    old = write_lines(corpus / "[old].txt", TEXTS)  # not to be taken for a pattern
    first = analyze(tiny_model, corpus / "*.txt", tmp_path / "out", max_tokens=64)
    assert first.measured.documents_read == len(TEXTS)
    # The old file keeps its size and time, but no longer its content: who reads it, sees that.
    times = old.stat()
    old.write_bytes(b"\xff" * times.st_size)
    os.utime(old, ns=(times.st_atime_ns, times.st_mtime_ns))
    more = [f"one more text number {number}" for number in range(5)] + [TEXTS[0]]
    write_lines(corpus / "new.txt", more)
    second = analyze(tiny_model, corpus / "*.txt", tmp_path / "out", max_tokens=64, overwrite=True)
    assert second.measured.documents_read == len(more)
    assert (second.corpus.files_read, second.corpus.files_from_cache) == (1, 1)
    assert second.failures.count == 0
    # As if all had been read.
    write_lines(old, TEXTS)
    whole = analyze(tiny_model, corpus / "*.txt", fresh, max_tokens=64)
    assert whole.measured.documents_read == len(TEXTS) + len(more)
    assert second.statistics == whole.statistics
    # A file that changed is read again; one that is gone no longer counts.
    write_lines(old, TEXTS[:3])
    changed = analyze(tiny_model, corpus / "*.txt", fresh, max_tokens=64, overwrite=True)
    assert changed.measured.documents_read == 3
    assert changed.statistics["documents"] == 3 + len(more)
    old.unlink()
    gone = analyze(tiny_model, corpus / "*.txt", fresh, max_tokens=64, overwrite=True)
    assert gone.measured.documents_read == 0
    assert gone.statistics["documents"] == len(more)
    # What other options found is not what these would.
    other = analyze(tiny_model, corpus / "*.txt", fresh, max_tokens=32, overwrite=True)
    assert other.measured.documents_read == len(more)


@pytest.mark.integration
def test_embed_takes_the_graph_and_foretold_rows_come_true(tiny_model: Path, tmp_path: Path) -> None:
    corpus = write_lines(tmp_path / "corpus.txt", TEXTS)
    flags = ["--model", str(tiny_model), "--input", str(corpus), "--max-tokens", "64", "--long-documents", "window"]
    flags += ["--window-overlap", "16"]
    assert main(["analyze", *flags, "--output", str(tmp_path / "analysis")]) == 0
    report = json.loads((tmp_path / "analysis" / "analysis.json").read_text())
    description = read_description(str(tmp_path / "analysis"))
    assert report["transform"]["fingerprint"] == transform_fingerprint(description)
    embed = ["embed", *flags, "--transform", str(tmp_path / "analysis")]
    assert main([*embed, "--output", str(tmp_path / "out")]) == 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["transform"] == report["transform"]
    assert manifest["counts"]["rows"] == report["statistics"]["rows"]
    assert manifest["counts"]["tokens"] == report["statistics"]["row_tokens"]


@pytest.mark.integration
def test_a_corpus_without_documents_is_told_as_such(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "corpus.txt").write_bytes(b"")
    command = ["analyze", "--model", str(tiny_model), "--input", str(tmp_path / "corpus.txt")]
    assert main([*command, "--output", str(tmp_path / "out")]) == 0
    report = json.loads((tmp_path / "out" / "analysis.json").read_text())
    assert (report["statistics"]["documents"], report["statistics"]["longest_tokens"]) == (0, 0)
    assert report["statistics"]["empty_share"] is None


def test_what_cannot_be_analysed_is_refused(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = write_lines(tmp_path / "corpus.txt", ["a"])
    embeddings, other = tmp_path / "embeddings", tmp_path / "other"
    embeddings.mkdir()
    (embeddings / "manifest.json").write_text("{}")
    other.mkdir()
    (other / "thesis.txt").write_text("all of it")
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "cache.json").write_text(json.dumps({"vocabulary": "00" * 32, "made_with": {}, "datasets": []}))
    window = ["--long-documents", "window"]
    cases: list[tuple[list[str], str]] = [
        ([*window, "--window-overlap", "126"], "Give an overlap from 0 to 125"),
        (["--max-tokens", "129"], "max-tokens 129 is more than the 128 positions that the model has; give at most 128"),
        (
            ["--input", str(tmp_path / "*.nothing")],
            "nothing matches no files; give a path, a folder or",
        ),
        (["--output", str(embeddings), "--overwrite"], "holds embeddings (manifest.json)"),
        (["--output", str(other)], "already holds something (thesis.txt)"),
        (["--output", "bq:project:dataset.table"], "give one"),
        (["--cache", str(cache)], "was made for another model"),
        (["--cache", str(cache), "--overwrite"], "was made for another model"),
        (["--plann"], "unknown flag --plann"),
    ]
    for flags, message in cases:
        command = ["analyze", "--model", str(tiny_model), "--input", str(corpus)]
        output = [] if "--output" in flags else ["--output", str(tmp_path / "out")]
        assert main([*command, *output, *flags]) == 2, flags
        assert message in capsys.readouterr().err
        assert not (tmp_path / "out" / "analysis.json").exists()


@pytest.mark.integration
def test_a_finished_analysis_is_replaced_only_with_overwrite(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = write_lines(tmp_path / "corpus.txt", ["a"])
    analyze(tiny_model, corpus, tmp_path / "out")
    command = ["analyze", "--model", str(tiny_model), "--input", str(corpus), "--output", str(tmp_path / "out")]
    assert main(command) == 2
    assert "holds a finished analysis; give another --output, or --overwrite" in capsys.readouterr().err
