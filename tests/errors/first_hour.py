"""The errors of a first hour with the program: one table. Each says what was wrong, with the value, and the remedy."""

from __future__ import annotations

import dataclasses
import email.message
import errno
import gzip
import json
import os
import shutil
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from google.api_core import exceptions
from google.auth.exceptions import DefaultCredentialsError

Patches = dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """A command that can't be carried out.

    Attributes:
      name: what is wrong; the name of the test.
      arguments: of the command line; `{world}` is the folder that `make_world` fills, `{model}` a good model.
      value: a regular expression of what was wrong, with the value.
      remedy: a regular expression of what to do.
      status: the exit status.
      patches: what is replaced meanwhile, by its name; a name without a dot is a module that is not installed.
    """

    name: str
    arguments: str
    value: str
    remedy: str
    status: int = 2
    patches: Patches = dataclasses.field(default_factory=dict)


def make_world(world: Path, model: Path) -> None:
    """Fills a folder with good files and all that a user may take for some."""
    files: dict[str, bytes] = {
        "texts.txt": b"One text.\nAnother.\n",
        "records.jsonl": b'{"id": "a", "body": "x"}\n{"id": "b", "body": "y"}\n',
        "table.csv": b"id,body\n1,x\n",
        "utf16.txt": "hello\n".encode("utf-16"),
        "latin1.txt": "café\nfine\n".encode("latin-1"),
        "plain.txt.gz": b"plain\n",
        "cut.txt.gz": gzip.compress(b"".join(b"line %d of some\n" % number for number in range(3000)))[:4000],
        "frozen.pb": b"\x0a\x10" + b"x" * 100,
        "model.h5": b"\x89HDF\r\n\x1a\n",
        "model.keras": b"PK\x03\x04",
        "weights/model.safetensors": b"x",
        "mine/notes.txt": b"keep",
        "huggingface/config.json": json.dumps({"model_type": "albert"}).encode(),
        "huggingface/model.safetensors": b"x" * 100,
        "checkpoint/model.ckpt-best.index": b"x",
        "my(checkpoint)/model.ckpt-best.index": b"x",
        "checkpoint/model.ckpt-best.data-00000-of-00001": b"x",
        "checkpoint/albert_config.json": b"{}",
    }
    for name, content in files.items():
        (world / name).parent.mkdir(parents=True, exist_ok=True)
        (world / name).write_bytes(content)
    (world / "empty").mkdir()
    with zipfile.ZipFile(world / "model.zip", "w") as archive:
        archive.writestr("saved_model.pb", "x")
    for name in ("cut_graph", "cut_weights", "no_vocabulary", "bad_vocabulary"):
        shutil.copytree(model, world / name)
    _cut(world / "cut_graph" / "saved_model.pb", 1000)
    _cut(next((world / "cut_weights" / "variables").glob("*.data*")), 100)
    (world / "no_vocabulary" / "assets" / "spiece.model").unlink()
    (world / "bad_vocabulary" / "assets" / "spiece.model").write_bytes(b"not a vocabulary")


def _cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def _raise(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


class OtherTable:
    """A client of BigQuery whose table has another schema."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def get_dataset(self, _: str) -> Any:
        from google.cloud import bigquery

        return bigquery.Dataset("project-1.search")

    def get_table(self, _: str) -> Any:
        from google.cloud import bigquery

        table = bigquery.Table("project-1.search.rows", [bigquery.SchemaField("title", "STRING")])
        table._properties["type"] = "TABLE"
        return table


_EMBED = "embed --model {model} --input {world}/texts.txt --output {world}/out"
_TAKES = r"--model takes the directory of a SavedModel, as `albert-embed export` writes it, or a TF Hub handle$"
_OFFLINE: Patches = {"socket.getaddrinfo": _raise(socket.gaierror(-3, "Temporary failure in name resolution"))}
_NOT_FOUND = HTTPError("https://tfhub.dev/google/albert_bse/2", 404, "Not Found", email.message.Message(), None)
_NO_ROOM = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/out/shard")
_NO_RIGHT = PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/data/out/_versions")
_NO_CREDENTIALS = DefaultCredentialsError("Your default credentials were not found")
_ANONYMOUS = exceptions.Unauthorized("Anonymous caller does not have storage.objects.list access")


def embed(
    model: str = "{model}", input_: str = "{world}/texts.txt", output: str = "{world}/out", more: str = ""
) -> str:
    """Returns a command line of `embed` of which something differs from a good one."""
    return f"embed --model {model} --input {input_} --output {output} {more}"


CASES = (
    Case(
        name="an input that is not there",
        arguments=embed(input_="{world}/nowhere-*.txt"),
        value=r"--input \S+/nowhere-\*\.txt matches no files",
        remedy="give a path, a folder or a glob that does$",
    ),
    Case(
        name="no input",
        arguments="embed --model {model} --output {world}/out",
        value="--input names no files",
        remedy="give at least one path or pattern, or a --query for BigQuery$",
    ),
    Case(
        name="a model that is not there",
        arguments=embed(model="{world}/nowhere"),
        value=r"there is nothing at '\S+/nowhere'",
        remedy="give a directory or a TF Hub handle",
    ),
    Case(
        name="a name of Hugging Face",
        arguments=embed(model="albert/albert-base-v2"),
        value=r"there is nothing at '\S*albert/albert-base-v2'",
        remedy="a model of Hugging Face is downloaded first, and then exported",
    ),
    Case(
        name="an empty directory as a model",
        arguments=embed(model="{world}/empty"),
        value=r"/empty is an empty directory",
        remedy=_TAKES,
    ),
    Case(
        name="a Hugging Face folder as a model",
        arguments=embed(model="{world}/huggingface"),
        value=r"/huggingface holds no saved_model\.pb",
        remedy=r"goes through `albert-embed export --source \S+/huggingface`$",
    ),
    Case(
        name="a checkpoint as a model",
        arguments=embed(model="{world}/checkpoint"),
        value=r"/checkpoint holds no saved_model\.pb",
        remedy=r"goes through `albert-embed export --source \S+/checkpoint`$",
    ),
    Case(
        name="a checkpoint in a folder with brackets",
        arguments=embed(model="{world}/my(checkpoint)"),
        value=r"/my\(checkpoint\) holds no saved_model\.pb",
        remedy=r"goes through `albert-embed export --source '\S+/my\(checkpoint\)'`$",
    ),
    Case(
        name="weights alone as a model",
        arguments=embed(model="{world}/weights/model.safetensors"),
        value=r"/model\.safetensors is weights alone",
        remedy="to `albert-embed export --source`",
    ),
    Case(
        name="a frozen graph as a model",
        arguments=embed(model="{world}/frozen.pb"),
        value=r"/frozen\.pb is a graph alone",
        remedy=r"give the directory that holds saved_model\.pb",
    ),
    *(
        Case(
            name=f"a Keras file as a model, {name}",
            arguments=embed(model=f"{{world}}/{name}"),
            value=rf"/{name} is a model of Keras",
            remedy="export the published ALBERT weights",
        )
        for name in ("model.keras", "model.h5")
    ),
    Case(
        name="an archive as a model",
        arguments=embed(model="{world}/model.zip"),
        value=r"/model\.zip is an archive",
        remedy="unpack it and give the directory that comes out",
    ),
    Case(
        name="a text file as a model",
        arguments=embed(model="{world}/texts.txt"),
        value=r"/texts\.txt is a file, not a model",
        remedy=_TAKES,
    ),
    *(
        Case(
            name=f"a model whose files are cut off, {name}",
            arguments=embed(model=f"{{world}}/{name}"),
            value=rf"/{name} can't be loaded as a SavedModel",
            remedy="copy it again, or export it again$",
        )
        for name in ("cut_graph", "cut_weights")
    ),
    Case(
        name="a model without its vocabulary",
        arguments=embed(model="{world}/no_vocabulary"),
        value=r"no_vocabulary names no vocabulary among its assets",
        remedy="was the directory copied whole",
    ),
    Case(
        name="a damaged vocabulary",
        arguments=embed(model="{world}/bad_vocabulary"),
        value=r"/spiece\.model is not a SentencePiece model \(16 bytes\)",
        remedy=r"Give the \.model file that the ALBERT model was trained with",
    ),
    Case(
        name="an export without a vocabulary",
        arguments="export --source {world}/huggingface --output {world}/exported",
        value=r"/huggingface has no SentencePiece model",
        remedy="give the one published with these weights as --vocabulary FILE$",
    ),
    Case(
        name="an export of an empty directory",
        arguments="export --source {world}/empty --output {world}/exported",
        value=r"/empty holds no published ALBERT weights",
        remedy="Give the directory that was published, with all of its files$",
    ),
    Case(
        name="an export of a file",
        arguments="export --source {world}/model.zip --output {world}/exported",
        value=r"/model\.zip is a file",
        remedy="unpack it first$",
    ),
    Case(
        name="an export with an incomplete config",
        arguments="export --source {world}/checkpoint --output {world}/exported",
        value=r"/albert_config\.json: the field vocab_size is missing",
        remedy="give the file that was published with the weights$",
    ),
    Case(
        name="a handle that is misspelt",
        arguments=embed(model="https://tfhub.dev/google/albert_bse/2"),
        value=r"the handle 'https://tfhub\.dev/google/albert_bse/2' could not be resolved: .*404",
        remedy="Is it spelt right",
        patches={"urllib.request.OpenerDirector.open": _raise(_NOT_FOUND)},
    ),
    Case(
        name="a handle without a network",
        arguments=embed(model="https://tfhub.dev/google/albert_base/2"),
        value=r"the handle 'https://tfhub\.dev/google/albert_base/2' could not be resolved: .*name resolution",
        remedy="the network reachable. A module that was downloaded elsewhere can be given as a directory",
        patches=_OFFLINE,
    ),
    Case(
        name="no field of the text",
        arguments=embed(input_="{world}/records.jsonl"),
        value="--text-field has 'text', but no record of the input has such a field",
        remedy="The fields are: body, id$",
    ),
    Case(
        name="a field that is misspelt",
        arguments=embed(input_="{world}/table.csv", more="--text-field bdy"),
        value=r"--text-field has 'bdy', but \S+/table\.csv has no such field",
        remedy=r"is it 'body'\? The fields are: body, id$",
    ),
    Case(
        name="a type that is none",
        arguments=embed(input_="{world}/table.csv", more="--text-field body --keep-fields body:int"),
        value="--keep-fields has 'body:int', and 'int' is no type",
        remedy=r"choose from string, int64, float, with \[\] after it for a list$",
    ),
    Case(
        name="a cache that is a file",
        arguments="analyze --model {model} --input {world}/texts.txt --output {world}/out --cache {world}/texts.txt",
        value=r"--cache \S+/texts\.txt can't be made: \S+/texts\.txt is no folder",
        remedy="give another --cache$",
    ),
    Case(
        name="rates that are not there",
        arguments="analyze --model {model} --input {world}/texts.txt --output {world}/out --plan --rates {world}/none",
        value=r"--rates \S+/none can't be read: No such file or directory",
        remedy="give a file such as .*, or leave --rates out$",
    ),
    Case(
        name="lines that are no JSON",
        arguments=embed(more="--format jsonl"),
        value=r"/texts\.txt: it is read as jsonl, but no line of its start is an object",
        remedy="give --format text if each is a text$",
    ),
    Case(
        name="a file that is no Parquet",
        arguments=embed(more="--format parquet"),
        value=r"/texts\.txt: it is read as parquet, but its content is something else",
        remedy="give the --format that it has$",
    ),
    Case(
        name="a format that there is not",
        arguments=embed(more="--format txt"),
        value="--format is 'txt'",
        remedy="choose from text, jsonl, json, .*the nearest is text$",
    ),
    Case(
        name="a text in UTF-16",
        arguments=embed(input_="{world}/utf16.txt"),
        value=r"/utf16\.txt: its text is UTF-16",
        remedy="convert it to UTF-8, for example with `iconv -f UTF-16 -t UTF-8`$",
    ),
    Case(
        name="a text in Latin-1",
        arguments=embed(input_="{world}/latin1.txt", more="--max-failures 0"),
        value=r"1 failures, --max-failures allows 0; .* read: invalid UTF-8 \(1\)",
        remedy=r"All of them until the next run: \S+/failures-\*$",
        status=3,
    ),
    Case(
        name="a gzip file that is cut off",
        arguments=embed(input_="{world}/cut.txt.gz", more="--max-failures 0"),
        value=r"1 failures, --max-failures allows 0; .* read: broken file \(1\)",
        remedy=r"All of them until the next run: \S+/failures-\*$",
        status=3,
    ),
    Case(
        name="a text that is called gzip",
        arguments=embed(input_="{world}/plain.txt.gz"),
        value=r"/plain\.txt\.gz: its name says gzip, but it is text that is not compressed",
        remedy="rename it$",
    ),
    Case(
        name="an output that holds something else",
        arguments=embed(output="{world}/mine"),
        value=r"/mine already holds something \(notes\.txt\)",
        remedy="give an empty or new --output, or --overwrite",
    ),
    Case(
        name="an output whose path is not UTF-8",
        arguments=embed(output="{world}/caf\udce9"),
        value=r"--output \S+/caf\\xe9 is not UTF-8",
        remedy="give another, or where it is UTF-8, start with a locale that says so, such as LC_ALL=C\\.UTF-8$",
    ),
    Case(
        name="an analysis whose path is not UTF-8",
        arguments="analyze --model {model} --input {world}/texts.txt --output {world}/caf\udce9",
        value=r"--output \S+/caf\\xe9 is not UTF-8",
        remedy="give another, or where it is UTF-8, start with a locale that says so, such as LC_ALL=C\\.UTF-8$",
    ),
    Case(
        name="an output that is a file",
        arguments=embed(output="{world}/texts.txt"),
        value=r"--output \S+/texts\.txt can't be made: \S+/texts\.txt is no folder",
        remedy="give another --output$",
    ),
    Case(
        name="an output that can't be made",
        arguments=embed(output="/proc/albert-embed"),
        value=r"/proc/albert-embed can't be written: ",
        remedy="give another --output$",
    ),
    Case(
        name="an output on a file system that can't tell which run is the first",
        arguments=embed(output="hdfs://namenode/out"),
        value=r"--output is hdfs://namenode/out: nothing is written to hdfs://, where two runs could publish at once",
        remedy="give a local path, or one that starts with gs:// or s3://$",
    ),
    Case(
        name="more tokens than positions",
        arguments=embed(more="--max-tokens 600"),
        value="max-tokens 600 is more than the 128 positions that the model has",
        remedy="give at most 128$",
    ),
    Case(
        name="a negative batch",
        arguments=embed(more="--batch-tokens -4"),
        value="--batch-tokens must be at least 1, not -4",
        remedy="at least 1",
    ),
    Case(
        name="a batch that holds no row",
        arguments=embed(more="--batch-tokens 100"),
        value="batch_tokens 100 can't hold one row of max_tokens 128",
        remedy="give at least 128$",
    ),
    *(
        Case(
            name=f"an engine that is not installed, {engine}",
            arguments=embed(more=f"--engine {engine}"),
            value=f"--engine {engine} needs the package {engine}, which is not installed",
            remedy=rf"run `pip install 'albert-embed\[{engine}\]'`, or choose --engine tensorflow$",
            patches={engine: None},
        )
        for engine in ("openvino", "jax")
    ),
    Case(
        name="no room for the output",
        arguments=_EMBED,
        value="No space left on device: '/data/out/shard'",
        remedy="free some, and the same command goes on from the finished shards",
        status=4,
        patches={"albert_embed.pipeline.writers.shard_writer.ShardWriter.write": _raise(_NO_ROOM)},
    ),
    Case(
        name="no memory for the model",
        arguments=_EMBED,
        value="MemoryError",
        remedy="memory ran out: give a smaller --batch-tokens, fewer --direct_num_workers, or a smaller model",
        status=4,
        patches={"albert_embed.model.engines.tensorflow_engine.load_tensorflow_engine": _raise(MemoryError())},
    ),
    Case(
        name="a bucket without credentials",
        arguments=embed(input_="gs://bucket/corpus/*.txt"),
        value=r"--input gs://bucket/corpus/\*\.txt can't be listed: 401 Anonymous caller does not have",
        remedy="Run `gcloud auth application-default login` or set GOOGLE_APPLICATION_CREDENTIALS",
        patches={"apache_beam.io.filesystems.FileSystems.exists": _raise(_ANONYMOUS)},
    ),
    Case(
        name="a table without credentials",
        arguments=embed(input_="bq:project-1:search.texts"),
        value="bq:project-1:search.texts: no credentials for Google Cloud were found",
        remedy="run `gcloud auth application-default login` or set GOOGLE_APPLICATION_CREDENTIALS$",
        patches={"google.auth.default": _raise(_NO_CREDENTIALS)},
    ),
    Case(
        name="a table with another schema",
        arguments=embed(output="{world}/out bq:project-1:search.rows", more="--sink tfrecord,bigquery"),
        value="the rows of this run do not fit into bq:project-1:search.rows: it has no column id",
        remedy="Give another table, or other --embeddings and --keep-fields, or alter that one$",
        patches={"albert_embed.pipeline.bigquery.clients.make_client": OtherTable},
    ),
    Case(
        name="a Python that is too new",
        arguments=_EMBED,
        value=r"this is Python 3\.15, and the program needs one from 3\.11 to 3\.13",
        remedy=r"make an environment with such a one, for example `python3\.13 -m venv \.venv`",
        patches={"sys.version_info": (3, 15, 0, "final", 0)},
    ),
    Case(
        name="a directory that is no output",
        arguments="inspect {world}/mine",
        value=r"/mine holds no manifest\.json: it is not a finished output",
        remedy="if a run was cut off, run the same command again",
    ),
    Case(
        name="a folder that this user may not read",
        arguments="inspect {world}/mine",
        value=r"\[Errno 13\] Permission denied: '/data/out/_versions'",
        remedy="run as a user who may read and write there, or have its rights changed$",
        patches={"albert_embed.pipeline.dataset.versions.list_files": _raise(_NO_RIGHT)},
    ),
    Case(
        name="an output that is not there",
        arguments="search {world}/embedings query",
        value=r"there is nothing at .*/embedings;",
        remedy="give the --output of a run of albert-embed embed$",
    ),
    Case(
        name="a report of nothing",
        arguments="report {world}/mine",
        value=r"/mine holds neither manifest\.json nor analysis\.json",
        remedy="give the directory of a finished output or of a finished analysis$",
    ),
    Case(
        name="a flag that is misspelt",
        arguments=embed(more="--embedings mean"),
        value="unknown flag --embedings",
        remedy="the nearest known one is --embeddings$",
    ),
)
