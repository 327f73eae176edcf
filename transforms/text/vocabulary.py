"""The SentencePiece vocabulary of a model: its bytes, its special pieces, and ALBERT's rule for "1945,"."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any, Literal, get_args

import sentencepiece

from albert_embed.transforms.files.open_bytes import open_bytes

WORD_START = "\u2581"  # SentencePiece's sign for a space
CLASSIFICATION_PIECE = "[CLS]"
SEPARATOR_PIECE = "[SEP]"
MASK_PIECE = "[MASK]"
PADDING_PIECE = "<pad>"
UNKNOWN_PIECE = "<unk>"

# What becomes of a piece such as "1945,": "albert" cuts it as the ALBERT repository does, "huggingface" keeps it.
CommaRule = Literal["albert", "huggingface"]
COMMA_RULES: tuple[str, ...] = get_args(CommaRule)


class VocabularyError(ValueError):
    """A file is not a SentencePiece model, or not one that ALBERT can use."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """A SentencePiece model with ALBERT's special pieces. Load one with `load_vocabulary` or `parse_vocabulary`.

    Attributes:
      source: where it came from, for messages.
      model: the bytes of the SentencePiece model.
      pieces: the piece of every id.
      pad_id, unk_id, cls_id, sep_id, mask_id: of the special pieces `<pad>`, `<unk>`, [CLS], [SEP] and [MASK].
      digit_comma_ids: for the id of a piece that ends in a digit and a comma, the ids that replace it; empty where the
        comma rule keeps such pieces.
      comma_rule: what becomes of such a piece.
      words_are_independent: whether SentencePiece treats every word by itself, so that equal words need to be tokenised
        only once. True for every vocabulary trained with SentencePiece's (and ALBERT's) default options.
    """

    source: str
    model: bytes = dataclasses.field(repr=False)
    pieces: tuple[str, ...] = dataclasses.field(repr=False)
    pad_id: int
    unk_id: int
    cls_id: int
    sep_id: int
    mask_id: int
    digit_comma_ids: dict[int, tuple[int, ...]] = dataclasses.field(repr=False, hash=False)
    comma_rule: CommaRule
    words_are_independent: bool

    @property
    def size(self) -> int:
        """The number of pieces."""
        return len(self.pieces)

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the model's bytes, in hexadecimal."""
        return hashlib.sha256(self.model).hexdigest()

    def piece(self, piece_id: int) -> str:
        """Returns the piece of an id.

        Raises:
          IndexError: if the id is not in the vocabulary.
        """
        if not 0 <= piece_id < self.size:
            raise IndexError(f"id {piece_id} is not in the vocabulary {self.source}: its ids are 0 to {self.size - 1}.")
        return self.pieces[piece_id]


def load_vocabulary(path: str, *, comma_rule: CommaRule = "albert") -> Vocabulary:
    """Reads a SentencePiece model file, from any file system that Apache Beam knows.

    Raises:
      VocabularyError: if the file is not a SentencePiece model, or lacks one of the special pieces.
      OSError: if the file can't be read.
    """
    with open_bytes(path) as file:
        return parse_vocabulary(file.read(), source=path, comma_rule=comma_rule)


def parse_vocabulary(model: bytes, *, source: str, comma_rule: CommaRule = "albert") -> Vocabulary:
    """Makes a `Vocabulary` from the bytes of a SentencePiece model; `source` names them in messages.

    Raises:
      VocabularyError: if the bytes are not a SentencePiece model, or lack one of the special pieces.
    """
    processor = _make_processor(model, source)
    pieces = tuple(processor.IdToPiece(list(range(processor.GetPieceSize()))))
    ids = {piece: piece_id for piece_id, piece in enumerate(pieces)}
    return Vocabulary(
        source=source,
        model=model,
        pieces=pieces,
        pad_id=_find_special_piece(ids, PADDING_PIECE, source),
        unk_id=_find_special_piece(ids, UNKNOWN_PIECE, source),
        cls_id=_find_special_piece(ids, CLASSIFICATION_PIECE, source),
        sep_id=_find_special_piece(ids, SEPARATOR_PIECE, source),
        mask_id=_find_special_piece(ids, MASK_PIECE, source),
        digit_comma_ids=_find_digit_comma_ids(processor, pieces) if comma_rule == "albert" else {},
        comma_rule=comma_rule,
        words_are_independent=_check_word_independence(processor, pieces),
    )


def _make_processor(model: bytes, source: str) -> Any:
    """Loads the bytes into SentencePiece (which has no types)."""
    if not model:  # SentencePiece would treat no bytes as no model, and fail much later
        raise VocabularyError(f"{source} is empty: it is not a SentencePiece model. Give the model's own spiece.model.")
    try:
        return sentencepiece.SentencePieceProcessor(model_proto=model)
    except (RuntimeError, OSError) as error:
        raise VocabularyError(
            f"{source} is not a SentencePiece model ({len(model)} bytes). Give the .model file that the ALBERT model "
            "was trained with, not its .vocab list."
        ) from error


def _find_special_piece(ids: dict[str, int], piece: str, source: str) -> int:
    """Returns the id of a special piece."""
    if piece not in ids:
        raise VocabularyError(
            f"the SentencePiece model {source} has no piece {piece}: it was not trained for ALBERT. "
            "Give the vocabulary that the model was published with."
        )
    return ids[piece]


def _find_digit_comma_ids(processor: Any, pieces: tuple[str, ...]) -> dict[int, tuple[int, ...]]:
    """Finds what replaces each piece that ends in a digit and a comma.

    Such a piece is encoded again without its comma, which then is a piece of its own. Encoding puts the sign for a
    word's start before it, and the sign stays, within a word too: "/05," becomes "▁" "/" "05" ",". The repository means
    to remove it there but compares text with bytes, which are never equal in Python 3; the published models saw what it
    computes. What a piece becomes depends on the piece only, so there is a table over the vocabulary.
    Source of the rule: google-research/albert tokenization.py, `encode_pieces`.
    """
    table = {}
    for piece_id, piece in enumerate(pieces):
        if len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit():
            parts = processor.EncodeAsPieces(piece[:-1].replace(WORD_START, ""))
            table[piece_id] = tuple(processor.PieceToId(part) for part in [*parts, ","])
    return table


def _check_word_independence(processor: Any, pieces: tuple[str, ...]) -> bool:
    """Returns whether a text's pieces are those of its words, one word after the other.

    That is so where every space becomes the sign for a word's start (which must also be a piece of its own, or unknown
    characters of two words could join), and no piece extends across it.
    """
    return (
        processor.Normalize("  a  b ") == f"{WORD_START}a{WORD_START}b"
        and WORD_START in pieces
        and not any(WORD_START in piece[1:] for piece in pieces)
    )
