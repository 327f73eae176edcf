"""The tokenizer that lies beside a model's weights: its vocabulary file, its casing, its rule for "1945,"."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from albert_embed.model.vocabulary.sentencepiece_model import add_control_pieces
from albert_embed.model.vocabulary.tokenizer_json import TokenizerError, read_tokenizer_json
from albert_embed.model.vocabulary.tokenizer_proof import prove_ids
from albert_embed.transforms.files.json_object import read_json_object
from albert_embed.transforms.text.vocabulary import CommaRule, parse_vocabulary

# The names of the SentencePiece model in releases: of the ALBERT repository, then of Hugging Face.
VOCABULARY_NAMES = ("30k-clean.model", "spiece.model")
TOKENIZER_FILE = "tokenizer.json"
_ADDED_TOKENS_FILE = "added_tokens.json"
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
    directory: Path, work: Path, *, given: Path | None = None, fast: bool = False
) -> SourceTokenizer:
    """Reads the tokenizer of a Hugging Face model.

    Args:
      directory: of the model.
      work: an existing folder for the SentencePiece model, where one has to be made.
      fast: whether the source always runs through the tokenizers library, as sentence-transformers does.
      given: the SentencePiece model that is to be used, whatever lies in the directory.

    Raises:
      TokenizerError: if the tokenizer does what preprocessing here does not.
    """
    lower_case = _read_lower_case(directory / "tokenizer_config.json")
    vocabulary_file = given or find_vocabulary(directory)
    tokenizer_file = directory / TOKENIZER_FILE
    comma_rule: CommaRule = "huggingface" if fast or tokenizer_file.exists() else "albert"
    notes: list[str] = []
    if vocabulary_file is not None:
        added = _read_added_tokens(directory, vocabulary_file)
        if added:
            model = add_control_pieces(vocabulary_file.read_bytes(), added)
            vocabulary_file = work / vocabulary_file.name
            vocabulary_file.write_bytes(model)
    elif tokenizer_file.exists():
        tokenizer = read_tokenizer_json(tokenizer_file)
        if lower_case is not None and lower_case is not tokenizer.lower_case:
            raise TokenizerError(
                f"{directory}: do_lower_case is {lower_case} in tokenizer_config.json, and {TOKENIZER_FILE} does "
                "otherwise; make them agree on what the model was trained with"
            )
        lower_case = tokenizer.lower_case
        model = tokenizer.to_sentencepiece()
        vocabulary = parse_vocabulary(model, source=str(tokenizer_file), comma_rule="huggingface")
        notes.append(f"the SentencePiece model was made of {TOKENIZER_FILE}, and its ids were proved against it")
        notes.extend(prove_ids(tokenizer_file, tokenizer, vocabulary))
        added = list(tokenizer.added)
        vocabulary_file = work / "spiece.model"
        vocabulary_file.write_bytes(model)
    else:
        added = []
    if added:
        notes.append(_note_added(added))
    if comma_rule == "huggingface":
        notes.append(_COMMA_NOTE)
    return SourceTokenizer(
        vocabulary_file=vocabulary_file, lower_case=lower_case, comma_rule=comma_rule, notes=tuple(notes)
    )


def _read_lower_case(path: Path) -> bool | None:
    """Returns `do_lower_case`, where the file says it.

    Raises:
      TokenizerError: if the tokenizer keeps accents or space runs, which preprocessing here does not.
    """
    fields = _read_object(path)
    for name, implemented in (("keep_accents", False), ("remove_space", True)):
        if fields.get(name, implemented) is not implemented:
            raise TokenizerError(
                f"{path}: {name} is {fields[name]!r}; only {implemented!r}, the ALBERT repository's way, is implemented"
            )
    return fields.get("do_lower_case")


def _read_added_tokens(directory: Path, vocabulary_file: Path) -> list[str]:
    """Returns the tokens that `added_tokens.json` adds behind the vocabulary, in the order of their ids.

    Raises:
      TokenizerError: if their ids do not follow the vocabulary's.
    """
    path = directory / _ADDED_TOKENS_FILE
    ids = _read_object(path)
    if not ids:
        return []
    vocabulary = parse_vocabulary(vocabulary_file.read_bytes(), source=str(vocabulary_file))
    behind = {int(place): token for token, place in ids.items() if int(place) >= vocabulary.size}
    if sorted(behind) != list(range(vocabulary.size, vocabulary.size + len(behind))):
        raise TokenizerError(
            f"{path}: the ids {sorted(behind)} do not follow the {vocabulary.size:,} pieces of {vocabulary_file.name}; "
            "give the vocabulary that was published with these weights"
        )
    return [behind[place] for place in sorted(behind)]


def _note_added(tokens: list[str]) -> str:
    shown = ", ".join(tokens[:_MAX_NAMED_TOKENS]) + (" …" if len(tokens) > _MAX_NAMED_TOKENS else "")
    return f"{len(tokens)} added tokens ({shown}) keep their ids, but text that looks like them is ordinary text here"


def _read_object(path: Path) -> dict[str, Any]:
    """Returns the JSON object in `path`; an empty one where there is no such file."""
    try:
        return read_json_object(path)
    except FileNotFoundError:
        return {}
    except ValueError as e:
        raise TokenizerError(str(e)) from e
