"""What the tests of `transforms` share: a small vocabulary trained on the spot, as ALBERT trains its own."""

from __future__ import annotations

import io
import os
import pathlib
import random
import struct
from typing import Any

import pytest
import sentencepiece

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from albert_embed.transforms.text.vocabulary import Vocabulary, parse_vocabulary

COMMON_WORDS = (
    "the of and to in a is that for it was on are as with his they at be this from have or by one had not but what "
    "all were when we there can an your which their said if do will each about how up out them then she many some so "
    "these would other into has more her two like him see time could no make than first been its who now people my "
    "made over did down only way find use may water long little very after words called just where most know"
)
WORDS = COMMON_WORDS.split()
ENDINGS = ("", "", "", "s", "ed", "ing", "ly", "er")


def make_sentences(count: int) -> list[str]:
    """Makes sentences with numbers before commas, inside words too, so that pieces such as "5," are learned."""
    generator = random.Random(7)
    sentences = []
    for _ in range(count):
        words = [generator.choice(WORDS) + generator.choice(ENDINGS) for _ in range(generator.randint(4, 14))]
        year = generator.choice([1945, 1812, 2025])
        for number in (f"{year},", f"{year},{generator.randint(0, 9)}", f"x{generator.randint(0, 9)},"):
            words.insert(generator.randrange(len(words)), number)
        words.insert(generator.randrange(len(words)), f"{generator.randint(1, 30)},{generator.randint(0, 999):03d}")
        sentences.append(" ".join(words) + ".")
    return sentences


def train_model(**options: object) -> bytes:
    """Trains a unigram SentencePiece model with ALBERT's options, other options replacing or adding to them."""
    model = io.BytesIO()
    trained: dict[str, Any] = {
        "vocab_size": 320,
        "model_type": "unigram",
        "pad_id": 0,
        "unk_id": 1,
        "bos_id": -1,
        "eos_id": -1,
        "control_symbols": ["[CLS]", "[SEP]", "[MASK]"],
        "user_defined_symbols": ["(", ")", '"', "-", ".", "–", "£", "€"],
        "minloglevel": 2,
        "num_threads": 1,
        "hard_vocab_limit": False,
        **options,
    }
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(make_sentences(3000)), model_writer=model, **trained
    )
    return model.getvalue()


def add_pieces(model: bytes, pieces: dict[str, float]) -> bytes:
    """Add pieces and their scores to a SentencePiece model.

    `ModelProto` holds its pieces as field 1, `SentencePiece` its text as field 1 and its score as field 2
    (sentencepiece_model.proto), and protobuf takes repeated fields that come later for additions.
    """
    for piece, score in pieces.items():
        encoded = piece.encode()
        message = b"\x0a" + bytes([len(encoded)]) + encoded + b"\x15" + struct.pack("<f", score)
        model += b"\x0a" + bytes([len(message)]) + message
    return model


@pytest.fixture(scope="session")
def model_bytes() -> bytes:
    """A small SentencePiece model as ALBERT would train it."""
    return train_model()


@pytest.fixture(scope="session")
def vocabulary(model_bytes: bytes) -> Vocabulary:
    """The vocabulary of that model."""
    return parse_vocabulary(model_bytes, source="small.model")


@pytest.fixture(scope="session")
def dates_vocabulary(model_bytes: bytes) -> Vocabulary:
    """The same with pieces that stand within words and end in a digit and a comma, as German vocabularies have them."""
    return parse_vocabulary(add_pieces(model_bytes, {"/": -6.0, "/45,": -3.0, "a1945,": -3.0}), source="dates.model")


@pytest.fixture(scope="session")
def shared_folder() -> pathlib.Path:
    """The folder of golden data, which a clone of the project does not have."""
    default = pathlib.Path(__file__).resolve().parents[3] / "shared"
    folder = pathlib.Path(os.environ.get("ALBERT_SHARED", default))
    if not folder.is_dir():
        pytest.skip(f"no shared folder at {folder}")
    return folder
