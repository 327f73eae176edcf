"""The main job into Parquet, and into both sinks at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from albert_embed import read_embeddings, read_embeddings_dataset
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.published_output import find_files
from albert_embed.pipeline.dataset.read_embeddings import read_failures
from albert_embed.pipeline.dataset.versions import read_manifest
from albert_embed.pipeline.formats.registry import make_format
from albert_embed.pipeline.shards.shard_index import read_index
from tests.pipeline.embed_command import embed_command, list_rows

pytestmark = pytest.mark.integration
ALL = ["--embeddings", "pooled,sequence,mean", "--tokens", "--keep-fields", "year:int64,tags:string[],title"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "in.jsonl"
    records = [
        {"id": f"é{number}", "text": "some words " * number, "year": number, "tags": ["a"] * (number % 3)}
        for number in range(40)
    ]
    records[3] |= {"title": "déjà vu", "year": None}
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def embed(model: Path, source: Path, output: Path, *more: str) -> int:
    arguments = embed_command(model, source, output)
    return main([*arguments, "--max-tokens", "32", "--long-documents", "window", "--window-overlap", "4", *more])


@pytest.mark.parametrize("encoding", ["float_list", "float16_bytes"])
def test_both_sinks_hold_the_same_rows(tiny_model: Path, source: Path, tmp_path: Path, encoding: str) -> None:
    output = tmp_path / "out"
    assert embed(tiny_model, source, output, *ALL, "--sink", "tfrecord,parquet", "--encoding", encoding) == 0
    manifest = read_manifest(str(output))
    tables = []
    for format_name in ("tfrecord", "parquet"):
        shards = [shard for shard in manifest.shards if shard.format == format_name]
        assert sum(shard.rows or 0 for shard in shards) == manifest.counts.rows
        paths = [file.path for file in find_files(str(output), shards)]
        format_ = make_format(format_name, manifest.row_schema)
        tables.append(pa.Table.from_batches(format_.read(paths)))
    assert tables[0].equals(tables[1]) and tables[0].num_rows == manifest.counts.rows > 40
    assert tables[0].equals(pa.Table.from_batches(read_embeddings(str(output))))
    with open(find_files(str(output), manifest.index_shards)[0].path, "rb") as file:
        _, index = read_index(file)
    assert index["id"].to_pylist() == tables[0]["id"].to_pylist()
    assert index["window"].to_pylist() == tables[0]["window"].to_pylist()
    assert index["tokens"].to_pylist() == [len(ids) for ids in tables[0]["input_ids"].to_pylist()]
    last_windows = {name: max(window for other, window in _pairs(index) if other == name) for name, _ in _pairs(index)}
    assert index["window_count"].to_pylist() == [last_windows[name] + 1 for name, _ in _pairs(index)]
    parquet = next(output.glob("parquet/*.parquet"))
    metadata = pq.read_schema(parquet).metadata
    assert metadata[b"albert_embed.model_fingerprint"].decode() == manifest.model.fingerprint
    assert metadata[b"albert_embed.transform_fingerprint"].decode() == manifest.transform.fingerprint
    assert main(["inspect", str(output), "--head", "2"]) == 0


def _pairs(index: pa.Table) -> list[tuple[bytes, int]]:
    return list(zip(index["id"].to_pylist(), index["window"].to_pylist(), strict=True))


def test_each_sink_alone_has_the_same_rows(tiny_model: Path, source: Path, tmp_path: Path) -> None:
    for name, sink in (("parquet", "parquet"), ("tfrecord", "tfrecord")):
        assert embed(tiny_model, source, tmp_path / name, *ALL, "--sink", sink) == 0
    names = {path.name for path in (tmp_path / "parquet").iterdir()}
    assert names == {"parquet", "_index", "_versions", "manifest.json"}
    order = [("id", "ascending"), ("window", "ascending")]
    tables = [
        pa.Table.from_batches(read_embeddings(str(tmp_path / name))).sort_by(order) for name in ("parquet", "tfrecord")
    ]
    assert tables[0].equals(tables[1])
    datasets = [
        {
            (element["id"], int(element["window"])): {name: value.tolist() for name, value in rest_of(element).items()}
            for element in read_embeddings_dataset(str(tmp_path / name)).as_numpy_iterator()
        }
        for name in ("parquet", "tfrecord")
    ]
    assert datasets[0] == datasets[1] and len(datasets[0]) == tables[0].num_rows
    assert datasets[0]["é3".encode(), 0]["title"] == "déjà vu".encode()
    assert datasets[0]["é4".encode(), 0]["title"] == b"" and datasets[0]["é3".encode(), 0]["year"] == 0


def rest_of(element: dict[str, Any]) -> dict[str, np.ndarray]:
    return {name: np.asarray(value) for name, value in element.items() if name not in ("id", "window")}


def test_ids_that_are_no_text(tiny_model: Path, tmp_path: Path) -> None:
    table = pa.table({"id": pa.array([b"good", b"\xff\x00"], pa.binary()), "text": ["one", "two"]})
    pq.write_table(table, tmp_path / "in.parquet")
    assert embed(tiny_model, tmp_path / "in.parquet", tmp_path / "out", "--sink", "parquet") == 0
    assert [row["id"] for row in list_rows(tmp_path / "out")] == [b"good"]
    (failure,) = read_failures(str(tmp_path / "out"))
    assert (failure["id"], failure["reason"], failure["text"]) == ("\\xff\x00", "invalid UTF-8", "two")
    counts = read_manifest(str(tmp_path / "out")).counts
    assert (counts.documents, counts.failures) == (1, 1)
    assert embed(tiny_model, tmp_path / "in.parquet", tmp_path / "both", "--sink", "tfrecord") == 0
    assert read_manifest(str(tmp_path / "both")).counts.rows == 2


@pytest.mark.parametrize(
    ("sink", "message"),
    [
        ("csv", "--sink is 'csv': choose from tfrecord, parquet"),
        ("parquet,parquet", "--sink must name one or more, each once, not 'parquet,parquet'"),
    ],
)
def test_sinks_that_there_are_not(
    tiny_model: Path, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], sink: str, message: str
) -> None:
    assert embed(tiny_model, source, tmp_path / "out", "--sink", sink) == 2
    assert message in capsys.readouterr().err
