"""A real Flink cluster on loopback: two TaskManagers, which share the work and may be killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.flink.fetch import UnavailableError
from deploy.flink.local_cluster import LocalCluster, run_cluster
from tests.engines.runs import CountedRows, assert_same_rows, embed_in_process, make_lines, start_embed, write_lines
from tests.waiting import wait_until

pytestmark = pytest.mark.integration
LINES = 20_000


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> CountedRows:
    """Counts of the cluster's workers."""
    return CountedRows(folder=tmp_path_factory.mktemp("counted"))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, counted: CountedRows) -> Iterator[LocalCluster]:
    """A cluster of two TaskManagers; its workers count their rows."""
    try:
        with run_cluster(tmp_path_factory.mktemp("flink"), worker_environment=counted.environment) as running:
            yield running
    except UnavailableError as e:
        pytest.skip(f"no Flink here: {e}")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One compressed file."""
    return write_lines(tmp_path_factory.mktemp("source") / "in.txt.gz", make_lines(LINES))


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, source: Path) -> Path:
    """What the in-process runner makes of it."""
    return embed_in_process(tiny_model, source, tmp_path_factory.mktemp("expected") / "out")


def embed(cluster: LocalCluster, model: Path, source: Path, output: Path, *more: str) -> None:
    process = start_embed(model, source, output, *more, *cluster.flags, network=cluster.network)
    try:
        assert process.wait() == 0, cluster.describe()
    finally:
        process.kill()
        cluster.kill_workers()


def write_documents(path: Path, texts: list[str]) -> None:
    """Writes documents whose ids are their first words."""
    path.write_text("id,text\n" + "".join(f"{text.split()[0]},{text}\n" for text in texts))


def test_one_compressed_file_is_embedded_by_both_workers(
    cluster: LocalCluster, counted: CountedRows, tiny_model: Path, source: Path, expected: Path, tmp_path: Path
) -> None:
    counted.forget()
    embed(cluster, tiny_model, source, tmp_path / "out", "--sink", "tfrecord,parquet")
    assert_same_rows(tmp_path / "out", expected)
    counted.assert_spread(LINES)


def test_a_run_adds_to_a_dataset(cluster: LocalCluster, tiny_model: Path, tmp_path: Path) -> None:
    more = ("--incremental", "--sink", "parquet")
    source, output = tmp_path / "in.csv", tmp_path / "out"
    write_documents(source, ["kept", "changed", "deleted"])
    embed_in_process(tiny_model, source, output, *more)
    write_documents(source, ["kept", "changed since", "new"])
    embed(cluster, tiny_model, source, output, *more, "--full-snapshot", "--max-deletions", "1")
    assert_same_rows(output, embed_in_process(tiny_model, source, tmp_path / "expected", *more))


def test_every_document_is_embedded_once_where_a_worker_and_a_task_manager_are_killed(
    cluster: LocalCluster, counted: CountedRows, tiny_model: Path, source: Path, expected: Path, tmp_path: Path
) -> None:
    counted.forget()
    process = start_embed(tiny_model, source, tmp_path / "out", *cluster.flags, network=cluster.network)
    try:

        def working() -> list[int]:
            """Returns the workers that have embedded something, and still run."""
            return [worker for worker in cluster.list_workers() if worker in counted.rows()]

        wait_until(working, process=process)
        killed = working()[0]
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: any(worker != killed for worker in working()), process=process)
        worker = next(worker for worker in working() if worker != killed)
        task_manager = cluster.list_workers()[worker]
        [name] = [name for name, number in cluster.task_managers.items() if number == task_manager]
        os.kill(task_manager, signal.SIGKILL)
        cluster.start_task_manager(name)
        assert process.wait() == 0, cluster.describe()
    finally:
        process.kill()
        cluster.kill_workers()
    assert_same_rows(tmp_path / "out", expected)
