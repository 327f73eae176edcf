"""What `export_model` refuses, and that a refusal leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from albert_embed.model.architecture.agreement import BOUNDS, Bound
from albert_embed.model.architecture.precision import Precision
from albert_embed.model.architecture.weights import CheckpointError
from albert_embed.model.export.export import export_model
from albert_embed.model.export.proof import ExportMismatchError
from albert_embed.model.published.published_model import PublishedModel
from albert_embed.model.published.source_program import SourceProgramError, run_source
from albert_embed.pipeline.cli.main import main
from tests.model.checkpoints import tf1_variables, write_tf1_checkpoint
from tests.tiny_model import GOLDEN, TINY, make_weights, vocabulary_bytes

# Most of them run a source's own program in a process of its own: seconds each.
pytestmark = pytest.mark.integration


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A TF1 checkpoint without a vocabulary."""
    write_tf1_checkpoint(tmp_path / "source", TINY, tf1_variables(make_weights(TINY)))
    return tmp_path / "source"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Where to export to; the folder that it lies in is otherwise empty."""
    (tmp_path / "outputs").mkdir()
    return tmp_path / "outputs" / "model"


def assert_nothing_left(output: Path) -> None:
    assert os.listdir(output.parent) == []


@pytest.mark.parametrize("size", [399, 401, 1000])
def test_a_vocabulary_of_another_size(source: Path, output: Path, tmp_path: Path, size: int) -> None:
    vocabulary = tmp_path / "other.model"
    vocabulary.write_bytes(vocabulary_bytes(size))
    with pytest.raises(ValueError) as error:
        export_model(source=str(source), output=output, vocabulary_file=vocabulary)
    assert str(error.value) == (
        f"the vocabulary {vocabulary} has {size:,} pieces, the model's vocab_size is 400; "
        "give the vocabulary that was published with these weights"
    )
    assert_nothing_left(output)


@pytest.mark.integration
def test_the_real_vocabulary_against_a_golden_checkpoint(shared: Path, output: Path, tmp_path: Path) -> None:
    golden = shared / "golden" / "albert_tf1" / "shared_layers"
    real = shared / "spm" / "en30k.model"
    with pytest.raises(
        ValueError, match=r"en30k.model has 30,000 pieces, the model's vocab_size is 1,000; give the vo"
    ):
        export_model(source=str(golden), output=output, vocabulary_file=real)
    assert_nothing_left(output)
    fitting = tmp_path / "fitting.model"
    fitting.write_bytes(vocabulary_bytes(1000))
    export_model(source=str(golden), output=output, vocabulary_file=fitting)
    assert os.listdir(output.parent) == ["model"]


def test_no_vocabulary(source: Path, output: Path) -> None:
    with pytest.raises(ValueError, match=r"has no SentencePiece model \(30k-clean.model or spiece.model\); give the"):
        export_model(source=str(source), output=output)
    (source / "japanese.model").write_bytes(vocabulary_bytes())
    with pytest.raises(ValueError, match=r"as --vocabulary FILE, perhaps .*/source/japanese.model$"):
        export_model(source=str(source), output=output)
    with pytest.raises(FileNotFoundError, match=r"^--vocabulary /nowhere.model: there is no such file$"):
        export_model(source=str(source), output=output, vocabulary_file=Path("/nowhere.model"))
    assert_nothing_left(output)


def test_a_vocabulary_that_is_none(source: Path, output: Path, tmp_path: Path) -> None:
    (tmp_path / "v.model").write_bytes(b"no model")
    with pytest.raises(ValueError, match=r"v.model is not a SentencePiece model"):
        export_model(source=str(source), output=output, vocabulary_file=tmp_path / "v.model")
    assert_nothing_left(output)


def test_a_vocabulary_that_is_not_the_modules_own(tiny_module: Path, output: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.model"
    other.write_bytes(vocabulary_bytes(401))
    with pytest.raises(
        ValueError, match=r"other.model is not the vocabulary that the module itself names \(30k-clean.mo"
    ):
        export_model(source=str(tiny_module), output=output, vocabulary_file=other)
    assert_nothing_left(output)
    other.write_bytes(vocabulary_bytes())  # the same under another name is no contradiction
    export_model(source=str(tiny_module), output=output, vocabulary_file=other)


def test_casing_that_contradicts_the_source(tiny_module: Path, output: Path) -> None:
    with pytest.raises(ValueError, match=r"^--cased: the source says that its text is lower-cased; leave --cased out$"):
        export_model(source=str(tiny_module), output=output, cased=True)
    assert_nothing_left(output)


def test_an_output_that_is_taken(tiny_module: Path, output: Path) -> None:
    output.mkdir()
    (output / "mine").write_text("keep")
    for taken in (output, output / "mine"):
        with pytest.raises(
            FileExistsError, match=r"already exists and holds something; give a new directory, or remove it"
        ):
            export_model(source=str(tiny_module), output=taken)
    assert [(file.name, file.read_text()) for file in output.iterdir()] == [("mine", "keep")]


def test_an_empty_output_is_free(tiny_module: Path, output: Path) -> None:
    output.mkdir()
    export_model(source=str(tiny_module), output=output)
    assert (output / "saved_model.pb").exists()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda path: path.mkdir(),
            CheckpointError,
            r"holds no published ALBERT weights: looked for .*; it holds \[\]\. Give the directory that was published",
        ),
        (
            lambda path: path.write_text("x"),
            CheckpointError,
            r"is a file; --source takes a directory, a .tar.gz or a TF",
        ),
        (lambda path: None, ValueError, r"there is nothing at '.*what'; give a directory or a TF Hub handle"),
    ],
    ids=["empty folder", "file", "nothing"],
)
def test_a_source_that_is_none(tmp_path: Path, output: Path, make: Any, error: type[Exception], message: str) -> None:
    make(tmp_path / "what")
    with pytest.raises(error, match=message):
        export_model(source=str(tmp_path / "what"), output=output)
    assert_nothing_left(output)


def falsify_source(monkeypatch: pytest.MonkeyPatch, name: str, by: float) -> None:
    """Makes the source's own program give another first value."""

    def run(published: PublishedModel, inputs: Any) -> dict[str, np.ndarray]:
        outputs = {key: value.copy() for key, value in run_source(published, inputs).items()}
        outputs[name].flat[0] += by
        return outputs

    monkeypatch.setattr("albert_embed.model.export.proof.run_source", run)


@pytest.mark.parametrize("precision", ["float32", pytest.param("bfloat16", marks=pytest.mark.integration)])
def test_an_encoder_that_computes_something_else(
    tiny_module: Path, output: Path, monkeypatch: pytest.MonkeyPatch, precision: Precision
) -> None:
    falsify_source(monkeypatch, "sequence_output", 0.02)
    with pytest.raises(ExportMismatchError) as error:
        export_model(source=str(tiny_module), output=output, precision=precision)
    assert re.fullmatch(
        r"sequence_output of the encoder in float32 differs from the source: smallest cosine 0\.999\d+ "
        r"\(bound 0\.99999\), largest difference 0\.02 \(bound 0\.000\d+\), on 8 English texts, 417 tokens\. "
        r"Nothing was written\. Please report this model, unless its weights are damaged, "
        r"or accept the export as it is: --accept-error",
        str(error.value),
    )
    assert_nothing_left(output)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_never_accepted(
    tiny_module: Path, output: Path, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    falsify_source(monkeypatch, "pooled_output", value)
    with pytest.raises(
        ExportMismatchError,
        match=r"gives NaN or infinity in pooled_output, on .*NaN and infinity are never accepted\.$",
    ):
        export_model(source=str(tiny_module), output=output, accept_error=True)
    assert_nothing_left(output)


@pytest.mark.parametrize("accept_error", [False, True])
def test_a_float16_export_that_overflows(tmp_path: Path, output: Path, accept_error: bool) -> None:
    weights = dict(make_weights(TINY))
    name = "encoder/transformer/group_0/inner_group_0/ffn_1/intermediate/dense/bias"
    weights[name] = weights[name] + np.float32(1e5)  # float16 ends at 65,504
    write_tf1_checkpoint(tmp_path / "source", TINY, tf1_variables(weights))
    (tmp_path / "source" / "spiece.model").write_bytes(vocabulary_bytes())
    with pytest.raises(ExportMismatchError) as error:
        export_model(source=str(tmp_path / "source"), output=output, precision="float16", accept_error=accept_error)
    assert str(error.value) == (
        "the float16 export or the encoder in float32 gives NaN or infinity in pooled_output, on 8 English texts, 417 "
        "tokens. Nothing was written. Export in bfloat16 or float32 (--precision). NaN and infinity are never accepted."
    )
    assert_nothing_left(output)


def test_an_export_beyond_its_bound_is_refused_or_accepted_and_recorded(
    source: Path, output: Path, vocabulary_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BOUNDS, "bfloat16", Bound(min_cosine=0.9999999, max_difference=1e-3))
    message = (
        r"sequence_output of the bfloat16 export differs from the encoder in float32: smallest cosine 0\.99\d+ \(bound "
        r"0\.9999999\), largest difference 0\.0\d+ \(bound 0\.00\d+\), on 8 English texts, 417 tokens"
    )
    arguments = ["export", "--source", str(source), "--output", str(output), "--vocabulary", str(vocabulary_file)]
    with pytest.raises(
        ExportMismatchError,
        match=r"of the bfloat16 export .*\. Nothing was written\. Export in float32 \(--precision\), or",
    ):
        export_model(source=str(source), output=output, precision="bfloat16", vocabulary_file=vocabulary_file)
    assert_nothing_left(output)
    assert main([*arguments, "--precision", "bfloat16"]) == 4
    assert_nothing_left(output)
    assert main([*arguments, "--precision", "bfloat16", "--accept-error"]) == 0
    accepted = json.loads((output / "export.json").read_text())["proof"]["accepted_errors"]
    assert len(accepted) == 3 and re.fullmatch(message, accepted[-1])
    assert f"Accepted with `--accept-error`:\n- {accepted[0]}\n- " in (output / "README.md").read_text()


def test_a_source_whose_program_fails_is_refused_or_accepted_and_recorded(
    tiny_module: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise SourceProgramError("the own program of x crashed: it was ended by SIGSEGV")

    monkeypatch.setattr("albert_embed.model.export.proof.run_source", fail)
    with pytest.raises(SourceProgramError) as error:
        export_model(source=str(tiny_module), output=output)
    assert str(error.value) == (
        "the own program of x crashed: it was ended by SIGSEGV. So there is no proof, and nothing was written. Export "
        "where that program works, or accept the export without this proof: --accept-error"
    )
    assert_nothing_left(output)
    report = export_model(source=str(tiny_module), output=output, accept_error=True)
    assert report.proof.source == {}
    assert report.proof.source_not_run == "the own program of x crashed: it was ended by SIGSEGV"
    assert report.proof.accepted_errors == ("the own program of x crashed: it was ended by SIGSEGV",)


@pytest.mark.parametrize(
    "moment",
    [
        "albert_embed.model.export.saved_model_export.tf.saved_model.save",
        "albert_embed.model.export.proof.load_saved_model",
    ],
)
def test_a_failure_on_the_way_leaves_nothing(
    tiny_module: Path, output: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(moment, fail)
    with pytest.raises(OSError, match="the disk is full"):
        export_model(source=str(tiny_module), output=output)
    assert_nothing_left(output)


def test_weights_that_do_not_fit_leave_nothing(output: Path, tmp_path: Path) -> None:
    weights = dict(make_weights(TINY))
    del weights["pooler/dense/bias"]
    write_tf1_checkpoint(tmp_path / "source", TINY, tf1_variables(weights))
    (tmp_path / "source" / "spiece.model").write_bytes(vocabulary_bytes())
    with pytest.raises(CheckpointError, match="missing: pooler/dense/bias"):
        export_model(source=str(tmp_path / "source"), output=output)
    assert_nothing_left(output)


def test_golden_cases_bring_no_vocabulary() -> None:
    """What the shared-data test relies on."""
    assert not list(GOLDEN.glob("*/*/*.model"))
