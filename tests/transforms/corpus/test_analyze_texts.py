"""The pass over the golden lines: what it counts is what the ALBERT repository's own preprocessing gives."""

from __future__ import annotations

import gzip
import json
import pathlib
from collections import Counter

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from albert_embed.transforms.corpus.analyze_texts import TextAnalysis, take_texts
from albert_embed.transforms.corpus.corpus_analysis import read_statistics
from albert_embed.transforms.corpus.corpus_statistics import CorpusStatistics
from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.text.vocabulary import load_vocabulary

MAX_TOKENS = 64


def analyze(vocabulary_file: pathlib.Path, parts: dict[str, list[str]], folder: pathlib.Path) -> CorpusStatistics:
    """Returns the statistics of data sets of texts, through the whole of tf.Transform."""
    config = PreprocessingConfig(lower_case=True, max_tokens=MAX_TOKENS)
    analysis = TextAnalysis(load_vocabulary(str(vocabulary_file)), config, temp_dir=str(folder / "temp"))
    pipeline = beam.Pipeline(runner=FnApiRunner())
    batches = {
        key: pipeline
        | key
        >> beam.Create(
            [pa.RecordBatch.from_pydict({"text": pa.array(texts[start : start + 500], pa.large_string())})]
            for start in range(0, len(texts), 500)
        )
        | f"{key} batches" >> beam.FlatMap(lambda found: found)
        for key, texts in parts.items()
    }
    cache = analysis.read_cache(pipeline, str(folder / "cache"), [])
    assert analysis.find_missing(parts, cache) == set(parts)
    output = folder / "graph"
    analysis.analyze(pipeline, batches, cache, cache_directory=str(folder / "cache"), output=str(output))
    pipeline.run().wait_until_finish()
    return read_statistics(str(output), config)


@pytest.mark.integration
def test_the_golden_lines_are_counted_as_they_are(shared: pathlib.Path, tmp_path: pathlib.Path) -> None:
    lines = {}
    for name in ("fuzz", "natural"):
        with gzip.open(shared / "golden" / f"tokenization_{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            lines[name] = [json.loads(line) for line in file]
    parts = {name: [line["text"] for line in found] for name, found in lines.items()}
    found = analyze(shared / "spm" / "en30k.model", parts, tmp_path)
    tokens = [line["uncased"] for name in lines for line in lines[name]]
    texts = [text for name in parts for text in parts[name]]
    counts = [len(ids) for ids in tokens]
    assert found.documents == len(texts) == 5000
    assert found.text_bytes == sum(len(text.encode()) for text in texts)
    assert found.tokens == sum(counts)
    assert found.unknown_tokens == sum(ids.count(1) for ids in tokens) > 0
    assert found.empty == counts.count(0) > 0
    assert found.over_length == sum(count > MAX_TOKENS - 2 for count in counts) > 0
    assert found.distinct == len(set(texts))
    assert found.longest == max(counts)
    rows = Counter(min(count, MAX_TOKENS - 2) + 2 for count in counts)
    assert {length: count for length, count in enumerate(found.row_lengths) if count} == dict(sorted(rows.items()))
    for percent, value in found.token_quantiles.items():
        low, high = np.quantile(counts, [max(0, percent / 100 - 0.002), min(1, percent / 100 + 0.002)])
        assert np.floor(low) <= value <= np.ceil(high), percent


def test_texts_go_in_as_lists_of_one() -> None:
    batch = pa.RecordBatch.from_pydict(
        {"id": ["a", "b"], "text": pa.array([b"x", b""], pa.large_binary()), "pair": ["y", "z"]}
    )
    taken = take_texts(batch, ("text", "pair"))
    assert taken.schema == pa.schema([("text", pa.list_(pa.binary())), ("pair", pa.list_(pa.binary()))])
    assert taken.to_pydict() == {"text": [[b"x"], [b""]], "pair": [[b"y"], [b"z"]]}
