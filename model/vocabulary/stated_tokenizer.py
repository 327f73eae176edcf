"""What the files beside a SentencePiece model say of their tokenizer: its class, its casing, `tokenizer.json`.

transformers cuts text as `tokenizer.json` says wherever there is one. So where it says something else than the
SentencePiece model beside it, ids made with that model would be wrong without a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from albert_embed.model.vocabulary.tokenizer_json import (
    TOKENIZER_FILE,
    TokenizerError,
    check_pre_tokenizer,
    read_normalizer,
    read_object,
)

_CONFIG_FILE = "tokenizer_config.json"
# transformers' classes of an ALBERT's tokenizer, and those of any tokenizer.json, which is read for what it does.
_CLASSES = ("AlbertTokenizer", "AlbertTokenizerFast", "PreTrainedTokenizerFast", "TokenizersBackend")


def read_stated_casing(directory: Path) -> bool | None:
    """Returns whether the tokenizer in `directory` lower-cases text, where its files say it.

    Raises:
      TokenizerError: if the tokenizer is of another class than an ALBERT's or keeps accents or runs of spaces, which
        preprocessing here does not; or if the files disagree on the casing.
    """
    _check_class(directory)
    configured = _read_configured_casing(directory / _CONFIG_FILE)
    stated = _read_tokenizer_casing(directory / TOKENIZER_FILE)
    if configured is not None and stated is not None and configured is not stated:
        raise TokenizerError(
            f"{directory}: do_lower_case is {configured} in {_CONFIG_FILE}, and {TOKENIZER_FILE} does otherwise; make "
            "them agree on what the model was trained with"
        )
    return configured if stated is None else stated


def check_same_pieces(path: Path, pieces: Sequence[str], vocabulary_file: Path) -> None:
    """Refuses a `tokenizer.json` whose pieces are not those of the SentencePiece model beside it.

    Args:
      path: `tokenizer.json`; a file that is absent or lists no pieces says nothing.
      pieces: of the SentencePiece model, in the order of their ids.
      vocabulary_file: that model.

    Raises:
      TokenizerError: naming the first piece that differs.
    """
    listed = _read_fields(path).get("model") or {}
    try:
        kind, found = listed.get("type", "Unigram"), [entry[0] for entry in listed.get("vocab") or ()]
    except (AttributeError, KeyError, TypeError, IndexError):
        kind, found = str(listed.get("type")), []
    remedy = f"remove the one of the two that the model was not trained with, or give --vocabulary {vocabulary_file}"
    if kind != "Unigram":
        raise TokenizerError(f"{path} holds a {kind} tokenizer, and {vocabulary_file.name} another beside it; {remedy}")
    if not found or found == list(pieces):
        return
    place = next((place for place, pair in enumerate(zip(found, pieces, strict=False)) if pair[0] != pair[1]), None)
    if place is None:
        said = f"has {len(found):,} pieces, and {vocabulary_file.name} {len(pieces):,}"
    else:
        said = f"has the piece {found[place]!r} under the id {place}, and {vocabulary_file.name} {pieces[place]!r}"
    raise TokenizerError(f"{path} {said}; {remedy}")


def _check_class(directory: Path) -> None:
    """Raises TokenizerError if the tokenizer is of a class that cuts or frames text in another way than an ALBERT's."""
    for path in (directory / _CONFIG_FILE, directory / "config.json"):  # in the order in which transformers looks
        name = _read_fields(path).get("tokenizer_class")
        if name is None:
            continue
        if name not in _CLASSES:
            raise TokenizerError(
                f"{path}: tokenizer_class is {name!r}, whose ids are not those of an ALBERT's; only {_CLASSES[0]} is "
                "implemented. If the model was trained with that one, remove the field"
            )
        return


def _read_configured_casing(path: Path) -> bool | None:
    fields = read_object(path)
    for name, implemented in (("keep_accents", False), ("remove_space", True)):
        if fields.get(name, implemented) is not implemented:
            raise TokenizerError(
                f"{path}: {name} is {fields[name]!r}; only {implemented!r}, the ALBERT repository's way, is implemented"
            )
    lower_case = fields.get("do_lower_case")
    if not isinstance(lower_case, bool | None):
        raise TokenizerError(f"{path}: do_lower_case must be true or false, not {lower_case!r}")
    return lower_case


def _read_tokenizer_casing(path: Path) -> bool | None:
    """Returns whether `tokenizer.json` lower-cases text; None where it does not say how it normalises."""
    fields = _read_fields(path)
    try:
        if (fields.get("model") or {}).get("type", "Unigram") != "Unigram":
            return None  # whoever needs its vocabulary refuses it
        if "pre_tokenizer" in fields:
            check_pre_tokenizer(path, fields["pre_tokenizer"])
        return read_normalizer(path, fields["normalizer"])[1] if "normalizer" in fields else None
    except (AttributeError, KeyError, TypeError) as e:
        raise TokenizerError(
            f"{path} is not a tokenizer of the tokenizers library ({e!r}); get it again, or remove it: then "
            "the SentencePiece model is read as the ALBERT repository does"
        ) from e


def _read_fields(path: Path) -> dict[str, Any]:
    """Returns the object in a file; an empty one where there is none, or nothing that could be used."""
    try:
        return read_object(path)
    except TokenizerError:
        return {}
