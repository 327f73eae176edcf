"""The model that `--model default` names: what is committed, its export on this machine, and what its vectors say."""

from __future__ import annotations

import hashlib
import json
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from albert_embed.model.architecture.config import read_config
from albert_embed.model.directory import builtin_model
from albert_embed.model.directory.builtin_model import BUILTIN_FILES, fetch_builtin_model, names_builtin
from albert_embed.model.directory.locate import locate_model
from albert_embed.model.directory.model_directory import fingerprint_model, open_model_directory
from albert_embed.model.hosting.handler import AlbertModelHandler
from albert_embed.pipeline.embed.open_model import open_model
from albert_embed.pipeline.search.embed_queries import QueryEmbedder
from tests.tiny_model import CORPUS, GOLDEN

MAX_BYTES = 12_000_000
DIGESTS = {
    "config.json": "c0cc6be4efe14f47da893c6b74045e71cefa3cc9b92ba4427a0383a00b28044b",
    "model.safetensors": "a6ec20e71e2c49538408604d0c4a973618747c21129bf4ed2187cab46f93446a",
    "spiece.model": "63599ce79eed2a13bd3b96bf47d8be7f364210fca5980400588c7aa354c348f8",
    "tokenizer_config.json": "df32d627e29724df432bbfaca31b5302a912a41ed0a3e91680aaf69a70b0ca24",
}
# Query → how the line of the sample corpus begins that should come first; they share no word but the commonest.
QUESTIONS = {
    "borrowing money to buy a home": "A mortgage is a loan",
    "drugs that kill germs": "Antibiotics act against bacteria",
    "hot planets": "Mercury is the planet closest to the Sun",
    "rising cost of living": "Inflation is a general rise in prices",
    "sea creatures with eight arms": "Octopuses have three hearts",
    "rusty nails": "Iron rusts faster near the sea",
    "running a long race": "Marathon runners slow down",
    "saving money for old age": "Pension funds invest over decades",
    "cooking meat with spices": "Rub the lamb with garlic",
    "predicting seismic tremors": "Earthquakes cannot yet be predicted",
    "a thunderstorm": "Lightning heats the air",
    "jewellery made of precious metal": "Gold is so soft when pure",
    "car motor too hot": "If the engine overheats",
    "soccer": "The goalkeeper apologised",
}
SENTENCES = (
    "The river froze in January, and people walked across it.",
    "In winter the water was covered by ice.",
    "Interest rates rose, and so did the price of a loan.",
    "",
    "Dr. Müller's e-mail of 7 May, 10:45, lists 1,945 items.",
)


@pytest.fixture(scope="module")
def embedders() -> dict[str, QueryEmbedder]:
    opened = open_model("default")
    options = vars(opened.fit_preprocessing())
    described = opened.describe(engine="tensorflow")
    return {
        name: QueryEmbedder(model=described, transform_options=options, embedding=name) for name in ("mean", "pooled")
    }


def normalize(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def test_what_is_committed() -> None:
    found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in BUILTIN_FILES.iterdir()}
    assert found.pop("README.md")
    assert found == DIGESTS
    assert sum(file.stat().st_size for file in BUILTIN_FILES.iterdir()) < MAX_BYTES
    config = read_config(BUILTIN_FILES / "config.json", "huggingface")
    with safe_open(BUILTIN_FILES / "model.safetensors", "np") as tensors:
        assert {str(tensors.get_tensor(name).dtype) for name in tensors.keys()} == {"float16"}  # noqa: SIM118
        assert tensors.get_slice("embeddings.word_embeddings.weight").get_shape() == [
            config.vocab_size,
            config.embedding_size,
        ]


def test_the_card_says_what_was_measured() -> None:
    card = (BUILTIN_FILES / "README.md").read_text(encoding="utf-8")
    assert re.match(r"---\n(.+\n)*license: apache-2\.0\n(.+\n)*---\n", card)
    for said in ("BM25", "Spearman", "all-MiniLM-L6-v2", "WordNet", "not trained on"):
        assert said in card


@pytest.mark.integration
def test_it_is_exported_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ALBERT_EMBED_CACHE", str(tmp_path))
    folder = locate_model("default")
    assert folder == fetch_builtin_model()
    described = json.loads((folder / "export.json").read_text())
    assert described["license"] == "apache-2.0"
    assert described["fingerprint"] == fingerprint_model(folder) == open_model_directory(folder).fingerprint
    written = (folder / "saved_model.pb").stat().st_mtime_ns
    assert fetch_builtin_model() == folder
    assert (folder / "saved_model.pb").stat().st_mtime_ns == written
    # As something that tidies up temporary files may leave it.
    (folder / "variables" / "variables.index").unlink()
    assert fetch_builtin_model() == folder
    assert fingerprint_model(folder) == described["fingerprint"]


@pytest.mark.integration
def test_every_process_gets_the_same_export(tmp_path: Path) -> None:
    """Two at once in one folder, and one in another: one waits for the other, and all have one fingerprint."""
    program = (
        "from albert_embed.model.directory.locate import locate_model; "
        "from albert_embed.model.directory.model_directory import fingerprint_model; "
        "print(fingerprint_model(locate_model('default')))"
    )
    processes = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"import os; os.environ['ALBERT_EMBED_CACHE'] = {str(tmp_path / name)!r}; {program}",
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "one", "another")
    ]
    found = {process.communicate()[0].splitlines()[-1] for process in processes}
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert found == {fingerprint_model(fetch_builtin_model())}


@pytest.mark.integration
def test_an_export_that_fails_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    monkeypatch.setenv("ALBERT_EMBED_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache" / f"default-{builtin_model._identify_export()}").write_text("in the way")
    with pytest.raises(OSError, match=r"^the built-in model can't be exported to .*already exists"):
        fetch_builtin_model()


def test_other_files_are_another_export(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = builtin_model._identify_export()
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setattr(builtin_model, "BUILTIN_FILES", tmp_path)
    assert builtin_model._identify_export() != before


def test_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert names_builtin("default")
    assert not names_builtin("./default")
    (tmp_path / "default").mkdir()
    monkeypatch.chdir(tmp_path)
    assert locate_model("./default") == Path("default")
    assert locate_model("default") == fetch_builtin_model()


def test_a_worker_finds_it_by_its_name() -> None:
    handler = pickle.loads(pickle.dumps(AlbertModelHandler("default", embeddings=["mean"])))
    assert type(handler.load_model()).__name__ == "TensorFlowEngine"


def test_vectors_are_those_that_were_recorded(embedders: dict[str, QueryEmbedder]) -> None:
    recorded = np.load(GOLDEN / "default_model.npz")
    for name, embedder in embedders.items():
        found = embedder.embed(SENTENCES)
        assert found.shape == (len(SENTENCES), 256)
        assert np.abs(found - recorded[name]).max() < 1e-4


def test_a_text_s_other_half_is_found(embedders: dict[str, QueryEmbedder]) -> None:
    """In the sample corpus, which it wasn't trained on. Measured: 0.366 and 0.384; by chance 0.009."""
    lines = [line.split() for line in CORPUS.read_text(encoding="utf-8").splitlines() if line.isascii()]
    long = [words[:80] for words in lines if len(words) >= 24]
    halves = [
        [" ".join(words[: len(words) // 2]) for words in long],
        [" ".join(words[len(words) // 2 :]) for words in long],
    ]
    assert len(long) == 112
    for name, bound in (("mean", 0.33), ("pooled", 0.34)):
        first, second = (normalize(embedders[name].embed(side)) for side in halves)
        scores = first @ second.T
        rank = (scores > np.diag(scores)[:, np.newaxis]).sum(axis=1)
        assert (rank == 0).mean() > bound


def test_meaning_is_found_without_common_words(embedders: dict[str, QueryEmbedder]) -> None:
    lines = CORPUS.read_text(encoding="utf-8").splitlines()
    scores = normalize(embedders["mean"].embed(list(QUESTIONS))) @ normalize(embedders["mean"].embed(lines)).T
    found = {query: lines[place] for query, place in zip(QUESTIONS, scores.argmax(axis=1), strict=True)}
    assert {query: line[: len(QUESTIONS[query])] for query, line in found.items()} == QUESTIONS
    common = {"a", "the", "of", "in", "to", "and", "is", "it", "that", "with", "for", "by", "how", "what", "are", "on"}
    for query, line in found.items():
        shared = set(re.findall(r"[a-z]+", query.lower())) & set(re.findall(r"[a-z]+", line.lower()))
        assert shared <= common, query
