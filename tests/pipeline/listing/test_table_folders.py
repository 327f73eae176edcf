"""Tables of Delta Lake, Hive and the like are refused, however a pattern names them; folders like them are not."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.io.aws.clients.s3.fake_client import FakeFile, FakeS3Client
from apache_beam.io.aws.clients.s3.messages import S3ClientError
from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.listing import list_remote
from albert_embed.pipeline.listing.input_files import list_input
from tests.emulators.servers import Emulators

# The format → files of a table, one of rows first, and what its message names.
TABLES = {
    "Delta Lake": (
        ["lang=en/part-0.snappy.parquet", "_delta_log/00000000000000000000.json"],
        r"the package deltalake",
    ),
    "Apache Hudi": (["2024/01/a_0-1-0_2.parquet", ".hoodie/hoodie.properties"], r"the package hudi"),
    "Apache Iceberg": (
        ["data/lang=en/0.parquet", "metadata/00000-c0ffee.metadata.json", "metadata/snap-1.avro"],
        r"the package pyiceberg",
    ),
    "Spark Structured Streaming": (["lang=en/part-00000-c0ffee-c000.json", "_spark_metadata/0"], r"Spark, which reads"),
    "Apache Hive": (
        ["lang=en/delta_0000002_0000002_0000/000000_0", "lang=en/base_0000001/000000_0"],
        "INSERT OVERWRITE DIRECTORY",
    ),
    "Apache Paimon": (
        ["lang=en/bucket-0/data-6ba7b810-9dad-11d1-80b4-00c04fd430c8-0.parquet", "snapshot/snapshot-1"],
        "the package pypaimon",
    ),
}
# Of those that the paths of their files tell, each partition is a table.
PARTITIONED = ("Apache Hive", "Apache Paimon")
PATTERNS = (
    "",
    "table",
    "table/",
    "table/**",
    "table/**/*.parquet",
    "t*/**/*.parquet",
    "table/{first}/**",
    "table/{folder}/*.parquet",
    "table/{folder}",
    "table/{row_file}",
)


def refuse(root: str, table: str, pattern: str) -> None:
    files, library = TABLES[table]
    folder = files[0].rpartition("/")[0]
    first = folder.partition("/")[0]
    named = f"{root}/{pattern.format(folder=folder, first=first, row_file=files[0])}"
    if "*.parquet" in named and not files[0].endswith(".parquet"):
        named = named.replace("*.parquet", "*")
    told = f"{root}/table/lang=en" if table in PARTITIONED else f"{root}/table"
    with pytest.raises(
        ValueError, match=rf"^--input names .*, a file of {told}, which is a table of {table}: its"
    ) as e:
        list_input([f"{root}/other.txt", named])
    assert library in str(e.value) and str(e.value).endswith("into a pipe to --input -, and give those")


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("table", TABLES)
def test_a_table(table: str, pattern: str, tmp_path: Path) -> None:
    for name in (*(f"table/{name}" for name in TABLES[table][0]), "other.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    refuse(str(tmp_path), table, pattern)


def test_what_is_no_table_or_no_part_of_one(tmp_path: Path) -> None:
    for name in (
        "a/data/x.parquet",  # beside metadata of something else
        "a/metadata/x.json",
        "a/metadata/survey.metadata.json",
        "b/metadata",
        "b/data/x.parquet",
        "c/_delta_log/0.json",  # texts beside rows
        "c/rows/x.parquet",
        "c/notes/a.txt",
        "d/.hoodie",
        "d/x.parquet",
        "e/base_20240101/a.txt",  # a date
        "e/delta_1_2/a.txt",
        "e/bucket-0/data-1.parquet",
        "f/_spark_metadata/0",  # texts beside what a stream has written
        "f/notes.txt",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    for pattern in ("a", "b/data/*.parquet", "c/notes", "c/**/*.txt", "d", "e", "f"):
        assert list_input([f"{tmp_path}/{pattern}"]).files


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pq.write_table(pa.table({"text": ["deleted"]}), tmp_path / "a.parquet")
    (tmp_path / "_delta_log").mkdir()
    for command in ("embed", "analyze"):
        arguments = ["--model", "default", "--input", str(tmp_path), "--output", str(tmp_path / "out")]
        assert main([command, *arguments]) == 2
        assert f"a.parquet, a file of {tmp_path}, which is a table of Delta Lake" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


class Guarded(FakeS3Client):
    """A bucket of which an account may list one folder alone."""

    def list(self, request: Any) -> Any:
        if not request.prefix.startswith("mine/"):
            raise S3ClientError("Access Denied", 403)
        return super().list(request)  # type: ignore[no-untyped-call]


def test_folders_that_an_account_may_not_list_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    client: Any = Guarded()  # type: ignore[no-untyped-call]
    monkeypatch.setattr(list_remote, "open_s3", lambda: types.SimpleNamespace(client=client))
    monkeypatch.setattr(FileSystems, "exists", lambda _: False)
    client.add_file(FakeFile("b", "mine/part/x.parquet", b"x"))
    assert [file.path for file in list_input(["s3://b/mine/part/*.parquet"]).files] == ["s3://b/mine/part/x.parquet"]
    client.add_file(FakeFile("b", "mine/_delta_log/0.json", b"x"))
    with pytest.raises(ValueError, match=r"a file of s3://b/mine, which is a table of Delta Lake"):
        list_input(["s3://b/mine/part/*.parquet"])
    with pytest.raises(OSError, match=r"^--input s3://b/other/\* can't be listed: .*Access Denied"):
        list_input(["s3://b/other/*"])


@pytest.mark.integration
@pytest.mark.parametrize("table", TABLES)
def test_a_table_in_a_bucket(table: str, bucket: str) -> None:
    for name in (*(f"table/{name}" for name in TABLES[table][0]), "other.txt"):
        with FileSystems.create(f"{bucket}/{name}") as file:
            file.write(b"x")
    for pattern in PATTERNS:
        refuse(bucket, table, pattern)


@pytest.mark.integration
def test_a_plain_folder_in_a_bucket_is_listed_once_whatever_it_holds(bucket: str, emulators: Emulators) -> None:
    requests = []
    for number in range(20):
        with FileSystems.create(f"{bucket}/few/{number}.parquet") as file:
            file.write(b"x")
        if number in (4, 19):
            emulators.take_storage_requests()
            assert len(list_input([f"{bucket}/few/*.parquet"]).files) == number + 1
            requests.append(len(emulators.take_storage_requests()))
    assert requests[0] == requests[1] <= 10
