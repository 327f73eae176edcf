"""The tokenizer that lies beside a model's weights: its vocabulary file, its casing, its rule for "1945,"."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from albert_embed.model.vocabulary.added_tokens import read_added_tokens
from albert_embed.model.vocabulary.sentencepiece_model import add_control_pieces
from albert_embed.model.vocabulary.stated_tokenizer import check_same_pieces, read_stated_casing
from albert_embed.model.vocabulary.tokenizer_json import TOKENIZER_FILE, read_tokenizer_json
from albert_embed.model.vocabulary.tokenizer_proof import prove_ids
from albert_embed.transforms.text.vocabulary import CommaRule, parse_vocabulary

# The names of the SentencePiece model in releases: of the ALBERT repository, then of Hugging Face.
VOCABULARY_NAMES = ("30k-clean.model", "spiece.model")
_MAX_NAMED_TOKENS = 5
_COMMA_NOTE = (
    "this source was trained with the other rule for commas: its tokenizer keeps pieces such as “1945,” whole, which "
    "the ALBERT repository cuts; the export takes that over (--comma-rule huggingface). Of `` and '' it makes "
    "one double quote, the export reads them as they stand"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceTokenizer:
    """How a source cuts text.

    Attributes:
      vocabulary_file: its SentencePiece model, where there is one or it could be made.
      lower_case: whether it wants lower-cased text, where it says so.
      comma_rule: what becomes of a piece such as "1945,".
      notes: what a user should know.
    """

    vocabulary_file: Path | None
    lower_case: bool | None
    comma_rule: CommaRule = "albert"
    notes: tuple[str, ...] = ()


def find_vocabulary(directory: Path) -> Path | None:
    """Returns the SentencePiece model in `directory`, under one of the names that releases give it; else None."""
    return next((directory / name for name in VOCABULARY_NAMES if (directory / name).exists()), None)


def read_source_tokenizer(
    directory: Path, work: Path, *, vocabulary_size: int | None = None, given: Path | None = None, fast: bool = False
) -> SourceTokenizer:
    """Reads the tokenizer of a Hugging Face model.

    Args:
      directory: of the model.
      work: an existing folder for the SentencePiece model, where one has to be made.
      vocabulary_size: of the model, which may have no embeddings for added tokens; None means as many as needed.
      fast: whether the source always runs through the tokenizers library, as sentence-transformers does.
      given: the SentencePiece model that is to be used, whatever lies in the directory.

    Raises:
      TokenizerError: if the tokenizer does what preprocessing here does not.
    """
    lower_case = read_stated_casing(directory)
    vocabulary_file = given or find_vocabulary(directory)
    tokenizer_file = directory / TOKENIZER_FILE
    comma_rule: CommaRule = "huggingface" if fast or tokenizer_file.exists() else "albert"
    notes: list[str] = []
    if vocabulary_file is not None:
        if given is None and tokenizer_file.exists():
            pieces = parse_vocabulary(vocabulary_file.read_bytes(), source=str(vocabulary_file)).pieces
            check_same_pieces(tokenizer_file, pieces, vocabulary_file)
        size, added = read_added_tokens(directory, vocabulary_file)
        added, left_out = _divide(added, size, vocabulary_size)
        if added:
            model = add_control_pieces(vocabulary_file.read_bytes(), added)
            vocabulary_file = work / vocabulary_file.name
            vocabulary_file.write_bytes(model)
    elif tokenizer_file.exists():
        tokenizer = read_tokenizer_json(tokenizer_file)
        size = len(tokenizer.pieces) - len(tokenizer.added)
        added, left_out = _divide(tokenizer.added, size, vocabulary_size)
        tokenizer = dataclasses.replace(tokenizer, pieces=tokenizer.pieces[: size + len(added)], added=tuple(added))
        lower_case = tokenizer.lower_case
        model = tokenizer.to_sentencepiece()
        vocabulary = parse_vocabulary(model, source=str(tokenizer_file), comma_rule="huggingface")
        notes.append(f"the SentencePiece model was made of {TOKENIZER_FILE}, and its ids were proved against it")
        notes.extend(prove_ids(tokenizer_file, tokenizer, vocabulary))
        vocabulary_file = work / "spiece.model"
        vocabulary_file.write_bytes(model)
    else:
        added, left_out = [], []
    notes += _note_tokens(
        added,
        one="keeps its id, but text that looks like it is ordinary text here",
        several="keep their ids, but text that looks like them is ordinary text here",
    )
    notes += _note_tokens(
        left_out,
        one="has no embedding in the model, and is left out",
        several="have no embeddings in the model, and are left out",
    )
    if comma_rule == "huggingface":
        notes.append(_COMMA_NOTE)
    return SourceTokenizer(
        vocabulary_file=vocabulary_file, lower_case=lower_case, comma_rule=comma_rule, notes=tuple(notes)
    )


def _divide(tokens: Sequence[str], size: int, vocabulary_size: int | None) -> tuple[list[str], list[str]]:
    """Returns the tokens behind `size` pieces that the model has embeddings for, and the others."""
    count = len(tokens) if vocabulary_size is None else max(0, vocabulary_size - size)
    return list(tokens[:count]), list(tokens[count:])


def _note_tokens(tokens: list[str], *, one: str, several: str) -> list[str]:
    """Returns the note of what becomes of added tokens; none where there are none."""
    if not tokens:
        return []
    shown = ", ".join(tokens[:_MAX_NAMED_TOKENS]) + (" …" if len(tokens) > _MAX_NAMED_TOKENS else "")
    return [f"1 added token ({shown}) {one}" if len(tokens) == 1 else f"{len(tokens)} added tokens ({shown}) {several}"]
