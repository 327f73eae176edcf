"""The tokens that were added to a Hugging Face tokenizer behind its SentencePiece model, in any of its files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from albert_embed.model.vocabulary.tokenizer_json import TOKENIZER_FILE, TokenizerError, read_object
from albert_embed.transforms.text.vocabulary import parse_vocabulary

# The files that list them, and what gives their ids and texts: the slow tokenizers', that of all tokenizers since
# transformers 4.34, and the fast ones'.
_FILES: dict[str, Callable[[dict[str, Any]], Iterable[tuple[Any, Any]]]] = {
    "added_tokens.json": lambda fields: ((place, token) for token, place in fields.items()),
    "tokenizer_config.json": lambda fields: (
        (place, token["content"]) for place, token in (fields.get("added_tokens_decoder") or {}).items()
    ),
    TOKENIZER_FILE: lambda fields: ((token["id"], token["content"]) for token in fields.get("added_tokens") or ()),
}


def read_added_tokens(directory: Path, vocabulary_file: Path) -> tuple[int, list[str]]:
    """Returns the number of pieces of a SentencePiece model, and the tokens behind them in the order of their ids.

    Args:
      directory: of the tokenizer's files; the first that lists such tokens counts.
      vocabulary_file: the SentencePiece model.

    Raises:
      TokenizerError: if the ids do not follow the vocabulary's, or a file lists tokens in another form.
    """
    listed = list(_list_added_tokens(directory))
    if not listed:
        return 0, []
    size = parse_vocabulary(vocabulary_file.read_bytes(), source=str(vocabulary_file)).size
    for path, tokens in listed:
        behind = sorted(place for place in tokens if place >= size)
        if behind != list(range(size, size + len(behind))):
            raise TokenizerError(
                f"{path}: the ids {behind} do not follow the {size:,} pieces of {vocabulary_file.name}; "
                "give the vocabulary that was published with these weights"
            )
        if behind:
            return size, [tokens[place] for place in behind]
    return size, []


def _list_added_tokens(directory: Path) -> Iterator[tuple[Path, dict[int, str]]]:
    """Yields each file that lists added tokens, with id → token."""
    for name, read in _FILES.items():
        path = directory / name
        try:
            tokens = {int(place): str(token) for place, token in read(read_object(path))}
        except (AttributeError, KeyError, TypeError, ValueError) as e:
            if name == TOKENIZER_FILE:  # nothing else of it is needed beside a SentencePiece model
                continue
            if isinstance(e, TokenizerError):
                raise
            raise TokenizerError(f"{path} does not list added tokens as transformers does: {e!r}") from e
        if tokens:
            yield path, tokens
