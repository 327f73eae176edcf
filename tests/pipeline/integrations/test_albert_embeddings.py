"""`AlbertEmbeddings` in Beam's MLTransform: dicts, rows and what can't be embedded."""

from __future__ import annotations

import inspect
import json
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.ml.transforms.base import MLTransform
from apache_beam.testing import test_stream
from apache_beam.transforms.window import FixedWindows, TimestampedValue

from albert_embed import AlbertEmbeddings, EmbedText
from albert_embed.model.hosting.handler import AlbertModelHandler
from albert_embed.pipeline.embed.combine_documents import CombineDocuments
from albert_embed.pipeline.integrations.embed_elements import choose_failure
from albert_embed.transforms.steps.failure import Failure
from albert_embed.transforms.steps.outputs import DOCUMENTS
from tests.pipeline.integrations.collect import collect
from tests.pipeline.reference import Reference
from tests.tiny_model import CORPUS, ROOT

TEXTS = CORPUS.read_text(encoding="utf-8").splitlines()[:40]


def embed_texts(model: Path, texts: Sequence[str], *, windows: bool = False, **options: Any) -> list[list[float]]:
    """Returns the mean vectors that `EmbedText` gives, windows combined as `--embeddings document` does."""
    batch = pa.RecordBatch.from_pydict({"id": [f"{number}" for number in range(len(texts))], "text": list(texts)})
    step = EmbedText.for_model(str(model), embeddings=["mean"], **options)

    def build(pipeline: beam.Pipeline) -> Any:
        rows = (pipeline | beam.Create([batch]) | step)["embeddings"]
        return (rows | CombineDocuments())[DOCUMENTS] if windows else rows

    column = "document_output" if windows else "mean_output"
    found = {row["id"]: row[column] for rows in collect(build) for row in rows.to_pylist()}
    return [found[b"%d" % number] for number in range(len(texts))]


def transform(elements: Sequence[Any], embeddings: AlbertEmbeddings, artifacts: Path) -> list[Any]:
    """Returns what MLTransform makes of elements."""
    step: MLTransform[Any, Any] = MLTransform(write_artifact_location=str(artifacts)).with_transform(embeddings)
    return collect(lambda pipeline: pipeline | beam.Create(elements, reshuffle=False) | step)


def test_a_column_gets_the_vectors_of_embed_text(tiny_model: Path, tmp_path: Path) -> None:
    elements: list[dict[str, Any]] = [
        {"number": number, "text": text, "more": ["x"]} for number, text in enumerate([*TEXTS, "", " \t"])
    ]
    embedded = transform(elements, AlbertEmbeddings(str(tiny_model), columns=["text"]), tmp_path / "artifacts")
    expected = embed_texts(tiny_model, [element["text"] for element in elements])
    assert sorted(embedded, key=lambda element: element["number"]) == [
        {**element, "text": vector} for element, vector in zip(elements, expected, strict=True)
    ]
    assert type(embedded[0]["text"][0]) is float


@pytest.mark.integration
def test_several_columns_and_equal_elements(tiny_model: Path, tmp_path: Path) -> None:
    elements = [{"title": title, "text": text, "c": text} for title, text in zip(TEXTS[:5], TEXTS[5:10], strict=True)]
    embeddings = AlbertEmbeddings(str(tiny_model), columns=["text", "title"], max_tokens=20)
    embedded = transform(elements * 2, embeddings, tmp_path / "artifacts")
    reference = Reference(tiny_model)
    assert sorted(element["c"] for element in embedded) == sorted(TEXTS[5:10] * 2)
    for element in embedded:
        (original,) = [one for one in elements if one["c"] == element["c"]]
        for name in ("title", "text"):
            mean = reference.embed(reference.frame(original[name], 20))["mean_output"]
            np.testing.assert_allclose(element[name], mean, atol=1e-5)


@pytest.mark.integration
def test_each_option_shapes_the_vectors(tiny_model: Path, tmp_path: Path) -> None:
    elements = [{"text": text} for text in TEXTS]
    embeddings = AlbertEmbeddings(
        str(tiny_model),
        columns=["text"],
        embedding="pooled",
        max_tokens=16,
        dimensions=4,
        accept_dimensions=True,
        normalize=True,
        engine="openvino",
        batch_tokens=64,
    )
    embedded = transform(elements, embeddings, tmp_path / "artifacts")
    reference = Reference(tiny_model)
    pooled = np.array([reference.embed(reference.frame(text, 16))["pooled_output"][:4] for text in TEXTS])
    expected = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
    found = np.array([element["text"] for element in embedded])
    np.testing.assert_allclose(sorted(found.tolist()), sorted(expected.tolist()), atol=1e-5)


@pytest.mark.integration
def test_a_long_text_gets_the_mean_of_its_windows(tiny_model: Path, tmp_path: Path) -> None:
    texts = [" ".join(TEXTS[start : start + 6]) for start in range(0, 30, 6)] + ["short"]
    elements = [{"a": text, "b": text} for text in texts]
    embeddings = AlbertEmbeddings(
        str(tiny_model), columns=["a", "b"], max_tokens=32, long_documents="window", window_overlap=8
    )
    embedded = transform(elements, embeddings, tmp_path / "artifacts")
    expected = embed_texts(tiny_model, texts, windows=True, max_tokens=32, long_documents="window", window_overlap=8)
    for name in ("a", "b"):
        np.testing.assert_allclose(sorted(element[name] for element in embedded), sorted(expected), atol=1e-6)
    truncated = embed_texts(tiny_model, texts, max_tokens=32)
    assert np.abs(np.array(sorted(expected)) - sorted(truncated)).max() > 0.01


BAD = [
    ({"text": None}, "column 'text' is None, of type NoneType; it must be a text (str, or bytes in UTF-8)"),
    ({"text": 5}, "column 'text' is 5, of type int; it must be a text"),
    ({"text": b"\xff"}, "column 'text': text is not UTF-8: byte 0xff at position 0"),
    ({"txt": "x"}, "the texts of the element could not be taken: Data does not contain the following columns"),
    ("x", "the texts of the element could not be taken: Expected data to be dicts, got <class 'str'> instead."),
]


def test_what_cant_be_embedded_is_a_dead_letter(tiny_model: Path, tmp_path: Path) -> None:
    step: MLTransform[Any, Any] = (
        MLTransform(write_artifact_location=str(tmp_path / "artifacts"))
        .with_transform(AlbertEmbeddings(str(tiny_model), columns=["text"]))
        .with_exception_handling()
    )

    def build(pipeline: beam.Pipeline) -> Any:
        good, bad = pipeline | beam.Create([*(element for element, _ in BAD), {"text": "fine"}]) | step
        return (
            good | "Good" >> beam.Map(lambda one: ("good", one)),
            bad | "Bad" >> beam.Map(lambda one: ("bad", one)),
        ) | beam.Flatten()

    found = collect(build)
    assert [element for kind, element in found if kind == "good"] == [{"text": embed_texts(tiny_model, ["fine"])[0]}]
    letters = [row for kind, row in found if kind == "bad"]
    assert len(letters) == len(BAD)
    for element, message in BAD:
        (letter,) = [row for row in letters if row.element == element]
        assert message in letter.msg
        assert letter.transform_name == "AlbertEmbeddings"
        assert "EmbeddingError" in letter.stack


@pytest.mark.integration
def test_too_long_a_text_of_any_column_is_one_dead_letter(tiny_model: Path, tmp_path: Path) -> None:
    element = {"a": "x " * 50, "b": "y " * 50, "c": "z"}
    step: MLTransform[Any, Any] = (
        MLTransform(write_artifact_location=str(tmp_path / "artifacts"))
        .with_transform(AlbertEmbeddings(str(tiny_model), columns=["c", "b"], max_tokens=20, long_documents="reject"))
        .with_exception_handling()
    )
    letters = collect(lambda pipeline: (pipeline | beam.Create([element]) | step)[1])
    assert [letter.element for letter in letters] == [element]  # with its texts, not the vectors that it had got
    assert "column 'b': " in letters[0].msg and "do not fit into max_tokens 20" in letters[0].msg


def test_without_exception_handling_the_pipeline_fails(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"^column 'text' is None, of type NoneType"):
        transform([{"text": None}], AlbertEmbeddings(str(tiny_model), columns=["text"]), tmp_path / "artifacts")


def test_more_failures_than_the_threshold_fail_the_pipeline(tiny_model: Path, tmp_path: Path) -> None:
    step: MLTransform[Any, Any] = (
        MLTransform(write_artifact_location=str(tmp_path / "artifacts"))
        .with_transform(AlbertEmbeddings(str(tiny_model), columns=["text"]))
        .with_exception_handling(threshold=0.4)
    )
    with pytest.raises(Exception, match=r"exceeded threshold: 1 / 2"):
        collect(lambda pipeline: (pipeline | beam.Create([{"text": None}, {"text": "x"}]) | step)[0])


@pytest.mark.integration
def test_rows_stay_rows_and_windows_stay_windows(tiny_model: Path, tmp_path: Path) -> None:
    step: MLTransform[Any, Any] = MLTransform(write_artifact_location=str(tmp_path / "artifacts")).with_transform(
        AlbertEmbeddings(str(tiny_model), columns=["text"], long_documents="window")
    )

    def build(pipeline: beam.Pipeline) -> Any:
        rows = pipeline | beam.Create([(0, TEXTS[0]), (70, TEXTS[1])])
        rows = rows | beam.Map(lambda one: TimestampedValue(beam.Row(number=one[0], text=one[1]), one[0]))
        embedded = rows | beam.WindowInto(FixedWindows(60)) | step
        return embedded | beam.Map(
            lambda row, window=beam.DoFn.WindowParam: (row.number, window.start.seconds(), row.text)
        )

    expected = embed_texts(tiny_model, TEXTS[:2])
    found = sorted(collect(build))
    assert [one[:2] for one in found] == [(0, 0), (70, 60)]
    np.testing.assert_allclose([one[2] for one in found], expected, atol=1e-6)


@pytest.mark.integration
def test_unbounded_input_needs_no_windows(tiny_model: Path, tmp_path: Path) -> None:
    step: MLTransform[Any, Any] = MLTransform(write_artifact_location=str(tmp_path / "artifacts")).with_transform(
        AlbertEmbeddings(str(tiny_model), columns=["title", "text"])
    )
    stream = test_stream.TestStream().add_elements([{"title": TEXTS[0], "text": TEXTS[1]}]).advance_watermark_to(10)
    stream = stream.add_elements([{"title": TEXTS[1], "text": TEXTS[0]}]).advance_watermark_to_infinity()
    found = sorted(
        collect(lambda pipeline: pipeline | stream | step, unbounded=True), key=lambda element: element["title"]
    )
    first, second = embed_texts(tiny_model, TEXTS[:2])
    expected = sorted(
        [{"title": first, "text": second}, {"title": second, "text": first}], key=lambda one: one["title"]
    )
    for element, other in zip(found, expected, strict=True):
        for name, vector in other.items():
            np.testing.assert_allclose(element[name], vector, atol=1e-6)


@pytest.mark.integration
def test_a_document_of_windows_that_fails_is_one_dead_letter(tiny_model: Path, tmp_path: Path) -> None:
    step: MLTransform[Any, Any] = (
        MLTransform(write_artifact_location=str(tmp_path / "artifacts"))
        .with_transform(AlbertEmbeddings(str(tiny_model), columns=["text"], long_documents="window"))
        .with_exception_handling()
    )
    bad = {"text": b"\xff" * 9}
    assert [row.element for row in collect(lambda pipeline: (pipeline | beam.Create([bad, bad]) | step)[1])] == [
        bad
    ] * 2


def test_of_several_failures_that_of_a_window_says_most() -> None:
    failures = [
        Failure(id=b"a", stage=stage, reason="", error=f"{stage} {window}", text=b"", window=window)
        for stage, window in (("combine", None), ("inference", 4), ("inference", 2))
    ]
    assert choose_failure(b"a", failures).error == "inference 2"


READER = """
import json, sys
import apache_beam as beam
from apache_beam.ml.transforms.base import MLTransform
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

with beam.Pipeline(runner=FnApiRunner()) as pipeline:
    _ = (
        pipeline
        | beam.Create([{"text": "Hello, world", "n": 1}])
        | MLTransform(read_artifact_location=sys.argv[1])
        | beam.Map(lambda element: print(json.dumps(element), flush=True))
    )
"""


@pytest.mark.integration
def test_artifacts_are_read_in_another_process(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny_model.parent)  # the model's path is relative here, and the reader starts elsewhere
    artifacts = tmp_path / "artifacts"
    (written,) = transform(
        [{"text": "Hello, world", "n": 1}], AlbertEmbeddings("model", columns=["text"], normalize=True), artifacts
    )
    result = subprocess.run(
        [sys.executable, "-c", READER, str(artifacts)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout.splitlines()[-1]) == written
    np.testing.assert_allclose(np.linalg.norm(written["text"]), 1, atol=1e-6)


def test_artifacts_of_another_model_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    artifacts = tmp_path / "artifacts"
    transform([{"text": "x"}], AlbertEmbeddings(str(tiny_model), columns=["text"]), artifacts)
    attributes = artifacts / "attributes.json"
    saved = attributes.read_text()
    fingerprint = saved.split('"sha256": "')[1].split('"')[0]
    attributes.write_text(saved.replace(fingerprint, "0" * 64))
    step: MLTransform[Any, Any] = MLTransform(read_artifact_location=str(artifacts))
    with pytest.raises(Exception, match=r"0000000000"):
        collect(lambda pipeline: pipeline | beam.Create([{"text": "x"}]) | step)


@pytest.mark.integration
def test_the_example_of_the_docstring_runs(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = inspect.cleandoc(AlbertEmbeddings.__doc__ or "").split("Example::")[1].split("The artifacts hold")[0]
    program = textwrap.dedent(example.strip("\n")).replace('"albert_base"', repr(str(tiny_model)))
    program = program.replace("beam.Pipeline()", 'beam.Pipeline(runner="FnApiRunner")')
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("{'id': 1, 'title': [")


def test_it_goes_to_workers(tiny_model: Path) -> None:
    embeddings = AlbertEmbeddings(str(tiny_model), columns=["text"])
    step = embeddings.get_ptransform_for_processing()
    assert vars(pickle.loads(pickle.dumps(step)))["_prepared"] == vars(step)["_prepared"]
    assert pickle.loads(pickle.dumps(embeddings)).columns == ["text"]
    assert isinstance(embeddings.get_model_handler(), AlbertModelHandler)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, r"^give either columns, for dicts and rows, or a type_adapter, for other elements$"),
        ({"columns": []}, r"^columns must be a list of one or more names, each once, not \[\]$"),
        ({"columns": "text"}, r"not 'text'$"),
        ({"columns": ["a", "a"]}, r"not \['a', 'a'\]$"),
        ({"columns": ["a"], "embedding": "mena"}, r"^embeddings must be one or more of .*, not \['mena'\]$"),
        ({"columns": ["a"], "embedding": "sequence"}, r"'sequence' is a vector for each token"),
        ({"columns": ["a"], "engine": "torch"}, r"^engine must be one of .*, not 'torch'$"),
        ({"columns": ["a"], "long_documents": "cut"}, r"^long_documents must be .*, not 'cut'$"),
        (
            {"columns": ["a"], "long_documents": "window", "embedding": "pooled"},
            r"goes with the embedding 'mean' alone",
        ),
        ({"columns": ["a"], "dimensions": 0}, r"dimensions must be at least 1, not 0"),
    ],
    ids=[
        "neither",
        "no columns",
        "a string",
        "twice",
        "embedding",
        "sequence",
        "engine",
        "long",
        "window",
        "dimensions",
    ],
)
def test_options_are_refused_before_the_run(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AlbertEmbeddings("model", **arguments)


def test_dimensions_of_an_untrained_model_are_refused(tiny_model: Path) -> None:
    with pytest.raises(ValueError, match=r"nothing that was published with .* says that it was trained"):
        AlbertEmbeddings(str(tiny_model), columns=["text"], dimensions=4).get_ptransform_for_processing()
