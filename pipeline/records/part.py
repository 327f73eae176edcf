"""`InputParts`: an input in pieces, each of which one worker reads, in every reading in the same way."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from albert_embed.pipeline.records.records import Records
from albert_embed.transforms.steps.failure import Failure


class Part(Protocol):
    """What one worker reads of an input, such as a range of a file."""

    @property
    def key(self) -> bytes:
        """A hash of 16 bytes, the same in every run that reads this part."""

    @property
    def stored_bytes(self) -> int:
        """How much of a stored file it is; 0 where that is not known."""


class PartReader(Protocol):
    """Reads parts of an input as Records. It goes to workers, so it is pickled."""

    def setup(self) -> None:
        """Opens what can't be pickled, once on each worker."""

    def read(self, part: Any) -> Iterator[Records | Failure]:
        """Returns the records of a `Part`, in the same order each time, and a failure for each that can't be read."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class InputParts:
    """An input that is open for reading.

    Attributes:
      parts: of it, which together have every record once.
      reader: reads each of them.
      bytes: about how large the content is.
    """

    parts: Sequence[Part]
    reader: PartReader
    bytes: int

    @property
    def stored_bytes(self) -> int:
        """How large the input is as it is stored; 0 where that is not known."""
        return sum(part.stored_bytes for part in self.parts)
