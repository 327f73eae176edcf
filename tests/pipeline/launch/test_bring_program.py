"""A job brings this program to its workers: the wheel that it makes of itself, and that wheel where nothing else is."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import PipelineOptions, SetupOptions

from albert_embed.pipeline.launch import own_wheel
from albert_embed.pipeline.launch.bring_program import bring_program
from albert_embed.pipeline.launch.own_wheel import build_own_wheel
from tests.engines.bare_environment import make_bare_environment
from tests.packaging.test_distribution import assert_right, run
from tests.tiny_model import ROOT

DATAFLOW = ["--runner", "DataflowRunner"]
# Unpickles every function of a pipeline, as a worker does, and prints where the program was imported from.
UNPICKLE = """
import json, sys
from apache_beam.internal import pickler
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2 as api
from apache_beam.transforms import ptransform
pickler.set_library("cloudpickle")
pipeline = api.Pipeline.FromString(open(sys.argv[1], "rb").read())
names = []
for transform in pipeline.components.transforms.values():
    if transform.spec.urn == common_urns.primitives.PAR_DO.urn:
        payload = api.ParDoPayload.FromString(transform.spec.payload)
        function = pickler.loads(payload.do_fn.payload)[0]
        names.append(type(function).__module__)
import albert_embed
print(json.dumps({"file": albert_embed.__file__, "modules": sorted(set(names))}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that the program makes of itself."""
    return build_own_wheel(tmp_path_factory.mktemp("own_wheel"))


def test_the_wheel_holds_what_setup_would_have_packed(wheel: Path) -> None:
    assert_right(wheel)


def test_every_file_is_recorded_with_its_hash(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    (record,) = [name for name in contents if name.endswith(".dist-info/RECORD")]
    rows = list(csv.reader(io.StringIO(contents[record].decode())))
    assert {row[0] for row in rows} == set(contents)
    for name, digest, size in rows:
        if name != record:
            found = base64.urlsafe_b64encode(hashlib.sha256(contents[name]).digest()).rstrip(b"=").decode()
            assert (digest, int(size)) == (f"sha256={found}", len(contents[name]))


def test_the_same_program_is_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    assert build_own_wheel(tmp_path).read_bytes() == wheel.read_bytes()


def test_a_program_that_is_not_installed_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_wheel, "DISTRIBUTION", "no-such-distribution")
    with pytest.raises(OSError, match="is not installed, so its metadata is missing; run `pip install"):
        build_own_wheel(tmp_path)


def test_the_wheel_is_the_same_from_another_folder(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "albert_embed").mkdir()  # what lies in the folder is not taken for the program
    monkeypatch.chdir(tmp_path)
    assert build_own_wheel(tmp_path).read_bytes() == wheel.read_bytes()


@pytest.mark.parametrize(
    "flags", [DATAFLOW, ["--runner", "FlinkRunner", "--flink_master", "cluster:8081"], ["--runner", "PortableRunner"]]
)
def test_a_remote_runner_stages_it_beside_what_is_given(flags: list[str], tmp_path: Path) -> None:
    given = tmp_path / "mine-1.0-py3-none-any.whl"
    options = PipelineOptions([*flags, "--extra_package", str(given)])
    wheel = bring_program(options)
    assert wheel is not None and wheel.is_file()
    assert options.view_as(SetupOptions).extra_packages == [str(given), str(wheel)]


@pytest.mark.parametrize("name", ["albert_embed-0.1.0-py3-none-any.whl", "albert-embed-0.1.0.tar.gz"])
def test_one_that_is_given_is_taken_as_it_is(name: str) -> None:
    options = PipelineOptions([*DATAFLOW, "--extra_package", f"dist/{name}"])
    assert bring_program(options) is None
    assert options.view_as(SetupOptions).extra_packages == [f"dist/{name}"]


@pytest.mark.parametrize(
    "flags", [[], ["--runner", "DirectRunner"], ["--runner", "PrismRunner"], ["--runner", "FlinkRunner"]]
)
def test_local_workers_have_the_program(flags: list[str]) -> None:
    options = PipelineOptions(flags)
    assert bring_program(options) is None
    assert options.view_as(SetupOptions).extra_packages is None


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The interpreter of an environment that has the pins, and the wheel, installed without the network."""
    interpreter = make_bare_environment(tmp_path_factory.mktemp("bare"))
    missing = run(interpreter, "-I", "-c", "import importlib.util as i; print(i.find_spec('albert_embed'))", cwd=ROOT)
    assert missing == "None\n"
    # As Beam's boot does it: first without what it needs, then with; the second must find that all is there.
    for arguments in (["--force-reinstall", "--no-deps"], []):
        pip = (sys.executable, "-m", "pip", f"--python={interpreter}", "install", "--no-index", *arguments)
        run(*pip, wheel, cwd=interpreter.parent)
    yield interpreter


@pytest.mark.integration
def test_a_pipeline_is_unpickled_with_the_pins_and_the_wheel_alone(
    installed: Path, tiny_model: Path, tmp_path: Path
) -> None:
    program = f"""
import apache_beam as beam, pyarrow as pa
from albert_embed import EmbedText
pipeline = beam.Pipeline()
documents = pipeline | beam.Create([pa.RecordBatch.from_pydict({{"id": ["a"], "text": ["b"]}})])
documents | EmbedText.for_model({str(tiny_model)!r}, transform_directory={str(tmp_path / "transform")!r}, tokens=True)
open("pipeline.pb", "wb").write(pipeline.to_runner_api().SerializeToString())
"""
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    printed = json.loads(run(installed, "-I", "-c", UNPICKLE, tmp_path / "pipeline.pb", cwd=tmp_path).splitlines()[-1])
    assert Path(printed["file"]).is_relative_to(installed.parent.parent)
    assert "albert_embed.transforms.rows.token_batches" in printed["modules"]


@pytest.mark.integration
def test_what_is_installed_makes_the_same_wheel_again(installed: Path, wheel: Path, tmp_path: Path) -> None:
    program = (
        "import pathlib, sys; from albert_embed.pipeline.launch.own_wheel import build_own_wheel; "
        "print(build_own_wheel(pathlib.Path(sys.argv[1])))"
    )
    again = Path(run(installed, "-I", "-c", program, tmp_path, cwd=tmp_path).strip())
    assert again.name == wheel.name
    assert again.read_bytes() == wheel.read_bytes()
