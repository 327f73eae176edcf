"""Makes and extends SentencePiece model files.

The messages are declared here, with the few fields that are needed: the file that sentencepiece brings is made for
another version of protobuf than TensorFlow's. Source: sentencepiece, src/sentencepiece_model.proto.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, NamedTuple

NORMAL, UNKNOWN, CONTROL, USER_DEFINED = 1, 2, 3, 4
_UNIGRAM = 1
_PACKAGE = "albert_embed_sentencepiece"


class Piece(NamedTuple):
    """A piece of a vocabulary: its text, its score, and which kind it is."""

    text: str
    score: float
    kind: int


def make_sentencepiece_model(pieces: Iterable[Piece], *, charsmap: bytes, unknown_id: int, padding_id: int) -> bytes:
    """Returns a unigram model of `pieces`, in the order of their ids, with `charsmap` as its normaliser's rules."""
    model = _messages()["ModelProto"]()
    for piece in pieces:
        model.pieces.add(piece=piece.text, score=piece.score, type=piece.kind)
    trainer = model.trainer_spec
    trainer.model_type, trainer.vocab_size = _UNIGRAM, len(model.pieces)
    trainer.unk_id, trainer.pad_id, trainer.bos_id, trainer.eos_id = unknown_id, padding_id, -1, -1
    normalizer = model.normalizer_spec
    normalizer.precompiled_charsmap = charsmap
    normalizer.add_dummy_prefix = normalizer.remove_extra_whitespaces = normalizer.escape_whitespaces = True
    serialized: bytes = model.SerializeToString()
    return serialized


def add_control_pieces(model: bytes, pieces: Iterable[str]) -> bytes:
    """Returns `model` with more pieces at its end, which no text is ever cut into.

    Raises:
      ValueError: if the bytes are not a SentencePiece model.
    """
    from google.protobuf.message import DecodeError

    extended = _messages()["ModelProto"]()
    try:
        extended.ParseFromString(model)
    except DecodeError as e:
        raise ValueError(f"not a SentencePiece model: {e}") from e
    for piece in pieces:
        extended.pieces.add(piece=piece, score=0.0, type=CONTROL)
    serialized: bytes = extended.SerializeToString()
    return serialized


@functools.cache
def _messages() -> dict[str, Any]:
    """Returns the message classes by name."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field = descriptor_pb2.FieldDescriptorProto
    string, number, integer = field.TYPE_STRING, field.TYPE_FLOAT, field.TYPE_INT32
    file = descriptor_pb2.FileDescriptorProto(name=f"{_PACKAGE}.proto", package=_PACKAGE, syntax="proto2")
    fields = {
        "Piece": [("piece", 1, string), ("score", 2, number), ("type", 3, integer)],
        "TrainerSpec": [
            *[("model_type", 3, integer), ("vocab_size", 4, integer), ("unk_id", 40, integer)],
            *[("bos_id", 41, integer), ("eos_id", 42, integer), ("pad_id", 43, integer)],
        ],
        "NormalizerSpec": [
            *[("name", 1, string), ("precompiled_charsmap", 2, field.TYPE_BYTES)],
            *[(name, 3 + place, field.TYPE_BOOL) for place, name in enumerate(_NORMALIZER_SWITCHES)],
        ],
        "ModelProto": [
            ("pieces", 1, "Piece"),
            ("trainer_spec", 2, "TrainerSpec"),
            ("normalizer_spec", 3, "NormalizerSpec"),
        ],
    }
    for name, declared in fields.items():
        message = file.message_type.add(name=name)
        for field_name, field_number, kind in declared:
            added = message.field.add(name=field_name, number=field_number, label=field.LABEL_OPTIONAL)
            if isinstance(kind, str):
                added.type, added.type_name = field.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
            else:
                added.type = kind
            if field_name == "pieces":
                added.label = field.LABEL_REPEATED
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in fields}


_NORMALIZER_SWITCHES = ("add_dummy_prefix", "remove_extra_whitespaces", "escape_whitespaces")
