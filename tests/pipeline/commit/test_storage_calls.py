"""How often a bucket is asked for each file of a dataset, from its first byte until a reader has its rows."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from pathlib import Path

import pytest

from albert_embed import read_embeddings
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.versions import read_manifest
from tests.emulators.servers import Emulators
from tests.engines.runs import make_lines, write_lines

pytestmark = pytest.mark.integration
MAXIMUM_CALLS = 5


@dataclasses.dataclass(frozen=True, kw_only=True)
class Calls:
    """What a run and reading its output have asked of a bucket.

    Attributes:
      files: how many files the dataset has.
      requests: each as `METHOD PATH`.
    """

    files: int
    requests: list[str]

    def count_kinds(self) -> Counter[str]:
        """Returns method and kind of object → how many, for people."""
        return Counter(re.sub(r"(%2F|/)[^/%]*\d[^/%?]*|\?.*", "", request) for request in self.requests)


def embed_and_read(emulators: Emulators, model: Path, source: Path, output: str, shards: int) -> Calls:
    """Embeds into about `shards` shards and reads the rows."""
    flags = ["--model", str(model), "--input", str(source), "--output", output, "--batch-tokens", "256"]
    bytes_ = str(source.stat().st_size * 6 // shards)
    emulators.take_storage_requests()
    assert main(["embed", *flags, "--shard-bytes", bytes_]) == 0
    rows = sum(batch.num_rows for batch in read_embeddings(output))
    requests = emulators.take_storage_requests()
    manifest = read_manifest(output)
    assert rows == manifest.counts.rows
    return Calls(files=len(manifest.files), requests=requests)


def test_a_bucket_is_asked_at_most_five_times_for_each_file(
    emulators: Emulators, bucket: str, tiny_model: Path, tmp_path: Path
) -> None:
    """What a run asks for once, however many files it has, is left out: two runs are compared."""
    source = write_lines(tmp_path / "in.txt", make_lines(3000))
    few = embed_and_read(emulators, tiny_model, source, f"{bucket}/few", 4)
    many = embed_and_read(emulators, tiny_model, source, f"{bucket}/many", 40)
    more = many.files - few.files
    assert more > 30
    calls = len(many.requests) - len(few.requests)
    assert calls <= MAXIMUM_CALLS * more, (calls / more, many.count_kinds() - few.count_kinds())
