"""`gather_staged`: what the steps of a run give, in any order; verdicts as exceptions again."""

from __future__ import annotations

import random

import pytest

from albert_embed.pipeline.commit.verdict import PUBLISHED, Verdict
from albert_embed.pipeline.dataset.generation import DocumentCounts
from albert_embed.pipeline.incremental.find_changes import ChangeCounts
from albert_embed.pipeline.publication.run_errors import FINAL_ERRORS, describe_failure, raise_failure
from albert_embed.pipeline.publication.staged_run import RunClock, TombstoneFile, gather_staged
from albert_embed.pipeline.settings.run_limits import LimitExceededError
from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.shards.shard import Shard
from albert_embed.pipeline.writers.document_writer import DocumentFile
from albert_embed.pipeline.writers.failure_writer import FailureFile
from albert_embed.transforms.steps.metrics import BundleCounts


def make_shard(name: str, rows: int) -> Shard:
    return Shard(
        name=name, run="r", digest=name, file_bytes={"parquet": 1}, rows=rows, documents=1, tokens=9, truncated=0
    )


PARTS = [
    make_shard("a", 2),
    make_shard("b", 3),
    FailureFile(file=DataFile(path="r/f2", bytes=1), counts={"read: x": 1}),
    FailureFile(file=DataFile(path="r/f1", bytes=1), counts={"read: x": 2, "read: a": 5}),
    TombstoneFile(file=DataFile(path="r/t", bytes=1, rows=4)),
    DocumentFile(digest="d", file=DataFile(path="r/d", bytes=1)),
    BundleCounts(counts={"batches": 2}),
    BundleCounts(counts={"batches": 3, "tokens": 7}),
    ChangeCounts(documents=DocumentCounts(read=4, new=4)),
    RunClock(began=12.0),
    RunClock(began=10.0),
]


@pytest.mark.parametrize("seed", range(3))
def test_parts_in_any_order_give_the_same(seed: int) -> None:
    parts = random.Random(seed).sample(PARTS, len(PARTS))
    staged = gather_staged(parts)
    assert {shard.name for shard in staged.shards} == {"a", "b"}
    assert (staged.rows.rows, staged.rows.documents, staged.rows.tokens) == (5, 2, 18)
    assert staged.failure_counts == {"read: a": 5, "read: x": 3} and list(staged.failure_counts) == [
        "read: a",
        "read: x",
    ]
    assert [written.file.path for written in staged.failures] == ["r/f1", "r/f2"]
    assert staged.counted.counts == {"batches": 5, "tokens": 7} and staged.began == 10.0
    assert staged.changes.documents.new == 4


def test_anything_else_is_refused() -> None:
    with pytest.raises(TypeError, match="a run stages no str: 'x'"):
        gather_staged([*PARTS, "x"])


@pytest.mark.parametrize("kind", FINAL_ERRORS)
def test_a_verdict_raises_what_was_raised(kind: type[RuntimeError]) -> None:
    verdict = Verdict.from_json(describe_failure(kind("what was wrong")).to_json())
    assert verdict.exit_status == (3 if issubclass(kind, LimitExceededError) else 4)
    cause = RuntimeError("what the runner said")
    with pytest.raises(kind, match="what was wrong") as caught:
        raise_failure(verdict, cause)
    assert caught.value.__cause__ is cause
    raise_failure(Verdict(kind=PUBLISHED))
