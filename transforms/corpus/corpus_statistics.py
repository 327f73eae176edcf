"""`CorpusStatistics`: what a full pass over a corpus finds, as plain numbers."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

QUANTILES = (1, 5, 10, 25, 50, 75, 90, 95, 99)
# A corpus's documents by length: up to 2^0 tokens, 2^1, … 2^25; a text of 32 MiB has no more.
LENGTH_BOUNDS = tuple(1 << power for power in range(26))
# Up to so many different texts are counted exactly (`transforms.corpus.distinct_texts`).
SKETCH_SIZE = 1 << 14
# The ids that take one byte more than smaller ones in a tf.Example, which holds 7 bits of a number in a byte.
LONGER_IDS = tuple(1 << bits for bits in (7, 14, 21))


@dataclasses.dataclass(frozen=True, kw_only=True)
class CorpusStatistics:
    """Counts over the documents of a corpus that can be embedded; over both texts where documents are pairs.

    Tokens of documents are those of the whole texts, without [CLS] and [SEP]; tokens of rows are what the model sees.

    Attributes:
      documents: how many there are.
      text_bytes: bytes of their texts.
      tokens: tokens of their texts.
      empty: documents without a token: empty texts, or of white space only.
      over_length: documents with more tokens than one row holds.
      unknown_tokens: tokens that are the unknown piece.
      id_bytes: bytes of all tokens' ids in a tf.Example, which holds 7 bits per byte.
      distinct: different texts, as `transforms.corpus.distinct_texts` counts them: exact below `SKETCH_SIZE`, then to
        about 1 %.
      longest: tokens of the longest document.
      token_quantiles: per cent → tokens that this share of the documents does not exceed, to within 0.1 % of them.
      document_lengths: bound → documents of at most this many tokens, and more than the next smaller bound.
      row_lengths: how many rows of each length the documents become, `[max_tokens + 1]`; rejected documents: none.
      letters: script → letters in it (`transforms.corpus.letter_scripts`).
    """

    documents: int
    text_bytes: int
    tokens: int
    empty: int
    over_length: int
    unknown_tokens: int
    id_bytes: int
    distinct: int
    longest: int
    token_quantiles: dict[int, int]
    document_lengths: dict[int, int]
    row_lengths: tuple[int, ...]
    letters: dict[str, int]

    @property
    def rows(self) -> int:
        """Rows that the documents become."""
        return sum(self.row_lengths)

    @property
    def row_tokens(self) -> int:
        """Real tokens of all rows, [CLS] and [SEP] included."""
        return int(self.histogram @ np.arange(len(self.row_lengths)))

    @property
    def duplicates(self) -> int:
        """Documents whose text an earlier one has."""
        return max(0, self.documents - self.distinct)

    @property
    def histogram(self) -> npt.NDArray[np.int64]:
        """`row_lengths` as an array."""
        return np.array(self.row_lengths, np.int64)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON: of the histograms only what is not 0, and the usual shares."""

        def share(part: int, whole: int) -> float | None:
            return round(part / whole, 6) if whole else None

        letters = sum(self.letters.values())
        return {
            "documents": self.documents,
            "text_bytes": self.text_bytes,
            "tokens": self.tokens,
            "longest_tokens": self.longest,
            "token_quantiles": {f"p{percent}": tokens for percent, tokens in self.token_quantiles.items()},
            "documents_up_to_tokens": {str(bound): count for bound, count in self.document_lengths.items() if count},
            "empty_share": share(self.empty, self.documents),
            "over_length_share": share(self.over_length, self.documents),
            "unknown_share": share(self.unknown_tokens, self.tokens),
            "duplicate_share": share(self.duplicates, self.documents),
            "duplicate_share_is": "exact" if self.distinct < SKETCH_SIZE else "approximate: ± 0.016",
            "counts": {
                "empty": self.empty,
                "over_length": self.over_length,
                "unknown_tokens": self.unknown_tokens,
                "distinct": self.distinct,
                "id_bytes": self.id_bytes,
            },
            "letter_shares": {
                script: share(count, letters)
                for script, count in sorted(self.letters.items(), key=lambda item: -item[1])
                if count
            },
            "rows": self.rows,
            "row_tokens": self.row_tokens,
            "rows_of_length": {str(length): count for length, count in enumerate(self.row_lengths) if count},
        }
