"""Reads `tokenizer.json`, which transformers 5 saves alone, and makes the SentencePiece model of it.

Source of the form: huggingface/tokenizers; of what an ALBERT's holds: transformers, `AlbertTokenizer`.
"""

from __future__ import annotations

import base64
import dataclasses
import json
from pathlib import Path
from typing import Any

from albert_embed.model.vocabulary.sentencepiece_model import (
    CONTROL,
    NORMAL,
    UNKNOWN,
    USER_DEFINED,
    Piece,
    make_sentencepiece_model,
)
from albert_embed.transforms.files.json_object import read_json_object
from albert_embed.transforms.text.vocabulary import PADDING_PIECE

TOKENIZER_FILE = "tokenizer.json"
GET_FILE = "get the spiece.model that the model was published with, and give it as --vocabulary FILE"
# What transformers' own tokenizer of an ALBERT replaces, and by what; the first two are said in a note.
_REPLACED = ({"String": "``"}, '"'), ({"String": "''"}, '"'), ({"Regex": " {2,}"}, " ")


class TokenizerError(ValueError):
    """A tokenizer does what this project's preprocessing does not."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TokenizerJson:
    """A unigram tokenizer.

    Attributes:
      pieces: in the order of their ids.
      charsmap: the rules of SentencePiece's own normaliser; empty where there is none.
      unknown_id: of the unknown piece.
      lower_case: whether it lower-cases text.
      later_words: the added tokens within the vocabulary after which transformers begins a new word.
      added: tokens that were added behind the vocabulary.
    """

    pieces: tuple[Piece, ...]
    charsmap: bytes
    unknown_id: int
    lower_case: bool
    later_words: tuple[str, ...]
    added: tuple[str, ...]

    def to_sentencepiece(self) -> bytes:
        """Returns the SentencePiece model of the same pieces and rules."""
        padding = [place for place, piece in enumerate(self.pieces) if piece.text == PADDING_PIECE]
        return make_sentencepiece_model(
            self.pieces,
            charsmap=self.charsmap,
            unknown_id=self.unknown_id,
            padding_id=padding[0] if padding else -1,
        )


def read_tokenizer_json(path: Path) -> TokenizerJson:
    """Reads the tokenizer in `path`.

    Raises:
      TokenizerError: if it is no unigram tokenizer, or does something that preprocessing here does not; the message
        says what, and what file to get instead.
    """
    try:
        return _parse(path, json.loads(path.read_text(encoding="utf-8")))
    except TokenizerError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise TokenizerError(f"{path} is not a tokenizer of the tokenizers library ({e!r}); {GET_FILE}") from e


def _parse(path: Path, fields: dict[str, Any]) -> TokenizerJson:
    model = fields["model"]
    kind = model.get("type") or "of no named kind"
    if kind != "Unigram":
        raise TokenizerError(
            f"{path} holds a {kind} tokenizer; only ALBERTs with a SentencePiece (Unigram) vocabulary can be "
            "embedded with"
        )
    if model.get("byte_fallback"):
        raise TokenizerError(f"{path}: byte_fallback is true, which preprocessing here does not do; {GET_FILE}")
    charsmap, lower_case = read_normalizer(path, fields.get("normalizer"))
    check_pre_tokenizer(path, fields.get("pre_tokenizer"))
    vocabulary = [(str(text), float(score)) for text, score in model["vocab"]]
    added = {int(token["id"]): token for token in fields.get("added_tokens") or ()}
    later = {place: token for place, token in added.items() if place < len(vocabulary) and not token.get("special")}
    beyond = sorted(place for place in added if place >= len(vocabulary))
    if beyond != list(range(len(vocabulary), len(vocabulary) + len(beyond))):
        raise TokenizerError(f"{path}: the ids of its added tokens, {beyond}, do not follow its vocabulary; {GET_FILE}")
    unknown_id = int(model.get("unk_id") or 0)

    def kind_of(place: int) -> int:
        if place == unknown_id:
            return UNKNOWN
        if place in later:
            return USER_DEFINED
        return CONTROL if place in added else NORMAL

    pieces = [Piece(text, score, kind_of(place)) for place, (text, score) in enumerate(vocabulary)]
    pieces += [Piece(added[place]["content"], 0.0, CONTROL) for place in beyond]
    return TokenizerJson(
        pieces=tuple(pieces),
        charsmap=charsmap,
        unknown_id=unknown_id,
        lower_case=lower_case,
        later_words=tuple(token["content"] for _, token in sorted(later.items())),
        added=tuple(added[place]["content"] for place in beyond),
    )


def read_normalizer(path: Path, normalizer: Any) -> tuple[bytes, bool]:
    """Returns SentencePiece's rules and whether text is lower-cased.

    Raises:
      TokenizerError: if a step is not one that preprocessing here does.
    """
    steps = _list_steps(normalizer, "normalizers")
    kinds = [step.get("type") for step in steps]
    if "NFKD" not in kinds or "StripAccents" not in kinds:
        raise TokenizerError(
            f"{path} keeps accents (its normalizer: {kinds}); only the ALBERT repository's way, which takes them off, "
            "is implemented"
        )
    charsmap = b""
    for step in steps:
        kind, pattern = step.get("type"), step.get("pattern") or {}
        if kind == "Precompiled":
            charsmap = base64.b64decode(step.get("precompiled_charsmap") or "")
        elif kind == "Replace" and (pattern, step.get("content")) in _REPLACED:
            continue
        elif kind not in ("NFKD", "StripAccents", "Lowercase", "Strip"):
            raise TokenizerError(
                f"{path}: its normalizer has the step {json.dumps(step)[:80]}, which preprocessing here does not do"
            )
    return charsmap, "Lowercase" in kinds


def check_pre_tokenizer(path: Path, pre_tokenizer: Any) -> None:
    """Raises TokenizerError if a step is not one that preprocessing here does."""
    for step in _list_steps(pre_tokenizer, "pretokenizers"):
        prefixed = step.get("prepend_scheme", "always") == "always" and step.get("add_prefix_space", True)
        if step.get("type") == "WhitespaceSplit" or (step.get("type") == "Metaspace" and prefixed):
            continue
        raise TokenizerError(
            f"{path}: its pre-tokenizer has the step {json.dumps(step)[:80]}, which preprocessing here does not do"
        )


def _list_steps(sequence: Any, name: str) -> list[dict[str, Any]]:
    """Returns the steps of a component that may be a sequence of others, or absent."""
    if not sequence:
        return []
    steps: list[dict[str, Any]] = sequence.get(name) or []
    return steps if sequence.get("type") == "Sequence" else [sequence]


def read_object(path: Path) -> dict[str, Any]:
    """Returns the JSON object in one of a tokenizer's files; an empty one where there is no such file.

    Raises:
      TokenizerError: if the file holds anything else.
    """
    try:
        return read_json_object(path)
    except FileNotFoundError:
        return {}
    except ValueError as e:
        raise TokenizerError(str(e)) from e
