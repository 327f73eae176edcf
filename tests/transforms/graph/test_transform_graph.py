"""Building, saving, checking and applying the transform graph."""

from __future__ import annotations

import json
import pathlib
import pickle
import re
import subprocess
import sys
from typing import cast

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that

from albert_embed.transforms.graph.preprocess_text import PreprocessText, _ApplyTransformGraph
from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.graph.saved_transform import SavedTransform
from albert_embed.transforms.graph.transform_graph import (
    Description,
    TransformMismatchError,
    check_transform_graph,
    describe_transform,
    read_description,
    save_transform_graph,
    transform_fingerprint,
)
from albert_embed.transforms.text.vocabulary import Vocabulary, parse_vocabulary
from tests.tiny_model import ROOT
from tests.transforms.conftest import make_sentences, train_model

CONFIG = PreprocessingConfig(lower_case=True, max_tokens=16, long_documents="window", window_overlap=4)
TEXTS = ["The water, in 1945, was Ålso here", "", "[MASK]", "ΣΑΣ ▁ 👍", *make_sentences(20)]


@pytest.fixture(scope="module")
def graph(vocabulary: Vocabulary, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A saved graph."""
    directory = str(tmp_path_factory.mktemp("transform") / "graph")
    save_transform_graph(vocabulary, CONFIG, directory)
    return directory


@pytest.fixture(scope="module")
def pair_graph(vocabulary: Vocabulary, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A saved graph for pairs of texts."""
    directory = str(tmp_path_factory.mktemp("transform") / "pair")
    save_transform_graph(vocabulary, PreprocessingConfig(lower_case=True, max_tokens=16, pair=True), directory)
    return directory


def test_a_fresh_process_gives_the_same_ids(graph: str) -> None:
    program = (
        "import json, sys, pyarrow as pa\n"
        "from albert_embed.transforms.graph.saved_transform import SavedTransform\n"
        "batch = pa.record_batch({'text': json.loads(sys.argv[2])})\n"
        "print(json.dumps(SavedTransform(sys.argv[1]).apply(batch).to_pydict()))\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", program, graph, json.dumps(TEXTS)], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    expected = SavedTransform(graph).apply(pa.record_batch({"text": TEXTS})).to_pydict()
    assert json.loads(output.splitlines()[-1]) == expected
    assert list(expected) == ["input_ids", "truncated", "window_lengths", "window_starts", "token_count"]


def test_description_says_what_made_the_graph(graph: str, vocabulary: Vocabulary) -> None:
    description = read_description(graph)
    assert description == describe_transform(vocabulary, CONFIG)
    assert description["vocabulary"] == {
        "sha256": vocabulary.fingerprint,
        "size": vocabulary.size,
        "comma_rule": "albert",
    }
    assert description["options"] == {
        "lower_case": True,
        "max_tokens": 16,
        "long_documents": "window",
        "window_overlap": 4,
        "pair": False,
    }
    assert sorted(description["versions"]) == ["tensorflow", "tensorflow_text", "tensorflow_transform", "unicode"]


def test_fingerprint_depends_on_content_only(vocabulary: Vocabulary) -> None:
    description = describe_transform(vocabulary, CONFIG)
    fingerprint = transform_fingerprint(description)
    assert re.fullmatch("[0-9a-f]{64}", fingerprint)
    turned = cast(Description, dict(reversed(description.items())))
    assert transform_fingerprint(turned) == fingerprint
    assert transform_fingerprint(describe_transform(vocabulary, PreprocessingConfig(lower_case=True))) != fingerprint


def test_an_overlap_that_does_not_apply_makes_no_difference(vocabulary: Vocabulary) -> None:
    fingerprints = {
        transform_fingerprint(
            describe_transform(vocabulary, PreprocessingConfig(lower_case=True, window_overlap=overlap))
        )
        for overlap in (1, 64)
    }
    assert len(fingerprints) == 1


def test_the_same_options_pass_the_check(graph: str, vocabulary: Vocabulary) -> None:
    assert check_transform_graph(graph, vocabulary, CONFIG) == read_description(graph)


def test_other_options_are_named(graph: str, vocabulary: Vocabulary) -> None:
    other = PreprocessingConfig(lower_case=False, max_tokens=32, long_documents="window", window_overlap=4)
    message = (
        f"the transform graph in {graph} was made for something else: lower_case is True there and False here; "
        "max_tokens is 16 there and 32 here. Give the options and the model that it was made with, or build it again "
        "(albert-embed analyze)."
    )
    with pytest.raises(TransformMismatchError, match=f"^{re.escape(message)}$"):
        check_transform_graph(graph, vocabulary, other)


def test_another_vocabulary_is_named(graph: str, vocabulary: Vocabulary) -> None:
    other = parse_vocabulary(train_model(vocab_size=200), source="other.model")
    message = f"vocabulary sha256 is '{vocabulary.fingerprint}' there and '{other.fingerprint}' here"
    with pytest.raises(TransformMismatchError, match=re.escape(message)):
        check_transform_graph(graph, other, CONFIG)


def test_a_directory_without_a_description_is_no_graph(tmp_path: pathlib.Path) -> None:
    with pytest.raises(TransformMismatchError, match="holds no finished transform graph") as caught:
        SavedTransform(str(tmp_path))
    assert isinstance(caught.value.__cause__, FileNotFoundError)


@pytest.mark.parametrize(
    ("content", "message"), [("{", "is not JSON"), ("[]", "format_version None"), ('{"format_version": 9}', "reads 2")]
)
def test_a_description_that_can_not_be_understood_is_an_error(
    tmp_path: pathlib.Path, content: str, message: str
) -> None:
    (tmp_path / "transform.json").write_text(content)
    with pytest.raises(TransformMismatchError, match=message):
        read_description(str(tmp_path))


@pytest.mark.parametrize("text_type", [pa.string(), pa.large_string(), pa.binary(), pa.large_binary()])
def test_any_type_of_text(graph: str, text_type: pa.DataType) -> None:
    transform = SavedTransform(graph)
    expected = transform.apply(pa.record_batch({"text": pa.array(TEXTS, pa.string())}))
    column = pa.array([text.encode() for text in TEXTS], pa.binary()).cast(text_type)
    assert transform.apply(pa.record_batch({"text": column})) == expected
    sliced = pa.record_batch({"text": column}).slice(2, 5)
    assert transform.apply(sliced).to_pydict() == expected.slice(2, 5).to_pydict()


def test_a_null_is_an_empty_text(pair_graph: str) -> None:
    transform = SavedTransform(pair_graph)
    nulls = pa.record_batch({"text": pa.array([None, "a"]), "pair": pa.array(["b", None])})
    empties = pa.record_batch({"text": pa.array(["", "a"]), "pair": pa.array(["b", ""])})
    assert transform.apply(nulls) == transform.apply(empties)


def test_wrong_columns_are_errors(graph: str, pair_graph: str) -> None:
    with pytest.raises(ValueError, match=r"^no column pair among text: the transform graph needs it.$"):
        SavedTransform(pair_graph).apply(pa.record_batch({"text": ["a"]}))
    with pytest.raises(ValueError, match=r"^the column text is list<item: int64>, not text.$"):
        SavedTransform(graph).apply(pa.record_batch({"text": [[1]]}))
    with pytest.raises(ValueError, match=r"^the column text is int64, not text.$"):
        SavedTransform(graph).apply(pa.record_batch({"text": [1]}))
    with pytest.raises(ValueError, match=r"^the columns truncated have names that preprocessing itself uses"):
        SavedTransform(graph).apply(pa.record_batch({"text": ["a"], "truncated": [1]}))


def test_preprocess_text_carries_all_other_columns(graph: str) -> None:
    others = {
        "id": pa.array([b"1", b"2", b"3"]),
        "year": pa.array([1, None, 3], pa.int32()),
        "score": pa.array([0.5, None, float("nan")], pa.float64()),
        "title": pa.array(["x", None, ""]),
        "tags": pa.array([["x", None], None, []], pa.list_(pa.string())),
        "place": pa.array([{"city": "Oslo"}, None, {"city": None}]),
        "nothing": pa.nulls(3),
        "pair": pa.array(["not used", None, "here"]),
    }
    batch = pa.record_batch({"text": TEXTS[:3], **others})
    expected = SavedTransform(graph).apply(pa.record_batch({"text": TEXTS[:3]}))

    def check(batches: list[pa.RecordBatch]) -> None:
        (result,) = batches
        assert result.schema.names == [*others, *expected.schema.names]
        for name, column in others.items():
            assert result.column(name).type == column.type
            assert str(result.column(name).to_pylist()) == str(column.to_pylist())  # as text: nan is not equal to nan
        assert result.select(expected.schema.names) == expected

    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        assert_that(pipeline | beam.Create([batch]) | PreprocessText(graph), check)


def test_a_directory_that_only_beam_can_read(
    vocabulary: Vocabulary, graph: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Everything goes through Beam's file systems, as for gs:// or s3://; here they lead to the local one.
    monkeypatch.setattr("albert_embed.transforms.files.directories.is_remote", lambda path: True)
    monkeypatch.setattr("albert_embed.transforms.graph.saved_transform.is_remote", lambda path: True)
    directory = tmp_path / "graph"
    for folder in ("transform_fn/variables", "transform_fn/assets", "transformed_metadata", "metadata"):
        (directory / folder).mkdir(parents=True, exist_ok=True)  # an object store needs none
    save_transform_graph(vocabulary, CONFIG, str(directory))
    batch = pa.record_batch({"text": TEXTS})
    assert SavedTransform(str(directory)).apply(batch) == SavedTransform(graph).apply(batch)
    with pytest.raises(TransformMismatchError, match="holds no finished transform graph"):
        read_description(str(tmp_path))


def test_transform_and_function_pickle(graph: str, vocabulary: Vocabulary) -> None:
    texts = pa.record_batch({"text": TEXTS})
    expected = SavedTransform(graph).apply(texts)
    function = pickle.loads(pickle.dumps(_ApplyTransformGraph(graph, None)))
    function.setup()
    (result,) = function.process(texts)
    assert result == expected
    function = pickle.loads(pickle.dumps(_ApplyTransformGraph(graph, vocabulary)))
    function.setup()
    (result,) = function.process(texts)
    assert result.select(expected.schema.names) == expected
    assert set(result.schema.names) > set(expected.schema.names)
    assert pickle.loads(pickle.dumps(PreprocessText(graph)))._transform_directory == graph


def test_wiring_reads_nothing() -> None:
    PreprocessText("/nowhere").expand(beam.Pipeline(runner=FnApiRunner()) | beam.Create([]))
