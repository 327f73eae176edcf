"""The options of preprocessing, checked when they are built."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

LongDocuments = Literal["truncate", "window", "reject"]
LONG_DOCUMENTS: tuple[LongDocuments, ...] = get_args(LongDocuments)


def count_special_tokens(*, pair: bool) -> int:
    """Returns how many tokens of a model input are [CLS] or [SEP]; one fewer in a pair whose second text has none."""
    return 3 if pair else 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class PreprocessingConfig:
    """How text becomes model inputs.

    Attributes:
      lower_case: whether the model is uncased.
      max_tokens: maximum tokens per model input, [CLS] and [SEP] included.
      long_documents: what becomes of a document with more: its start only, a row per window, or a failure.
      window_overlap: how many tokens a window repeats from the one before it.
      pair: whether a document is two texts, `text` and `pair`.

    Raises:
      ValueError: if an option is out of its range, or two of them exclude each other.
    """

    lower_case: bool
    max_tokens: int = 512
    long_documents: LongDocuments = "truncate"
    window_overlap: int = 64
    pair: bool = False

    def __post_init__(self) -> None:
        """Checks the options."""
        if self.long_documents not in LONG_DOCUMENTS:
            choices = ", ".join(LONG_DOCUMENTS)
            raise ValueError(f"long_documents is {self.long_documents!r}: choose one of {choices}.")
        if self.max_tokens < self.special_tokens + 1:
            names = "[CLS] and two [SEP]" if self.pair else "[CLS] and [SEP]"
            raise ValueError(
                f"max_tokens is {self.max_tokens}: {names} leave no room for text. "
                f"Give at least {self.special_tokens + 1}."
            )
        if self.long_documents == "window":
            if self.pair:
                raise ValueError(
                    "long_documents is 'window' with pair: a pair of texts can't be cut into windows. "
                    "Choose truncate or reject."
                )
            if not 0 <= self.window_overlap < self.content_tokens:
                raise ValueError(
                    f"window_overlap is {self.window_overlap}: with max_tokens {self.max_tokens} a window holds "
                    f"{self.content_tokens} tokens of text. Give an overlap from 0 to {self.content_tokens - 1}."
                )

    @property
    def special_tokens(self) -> int:
        """How many tokens of a model input are [CLS] or [SEP]; one fewer in a pair whose second text has no tokens."""
        return count_special_tokens(pair=self.pair)

    @property
    def content_tokens(self) -> int:
        """How many tokens of text a model input may have."""
        return self.max_tokens - self.special_tokens
