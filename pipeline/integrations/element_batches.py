"""Elements to RecordBatches for `EmbedText`, which carry the elements along, and back."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.coders import Coder
from apache_beam.transforms.window import BoundedWindow
from apache_beam.utils.windowed_value import WindowedValue

from albert_embed.pipeline.integrations.element_texts import ElementTexts, EmbeddingError
from albert_embed.pipeline.records.batching import BATCH_BYTES, BATCH_RECORDS
from albert_embed.transforms.rows.columns import ID, TEXT, TYPES
from albert_embed.transforms.steps.bundle_end import at_end_of
from albert_embed.transforms.steps.failure import Failure
from albert_embed.transforms.steps.outputs import FAILURES

# Before each element in its id, so that equal elements have different ids.
_KEY_BYTES = 16
# Before the names of columns that carry vectors.
_VECTOR = "vector "


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one element.

    Attributes:
      id: as in the RecordBatches: the element is in it.
      vectors: of its texts, one after the other; empty where it failed.
      error: why it failed; None where it did not.
    """

    id: bytes
    vectors: tuple[list[float], ...] = ()
    error: str | None = None


def name_text(position: int) -> str:
    """Returns the column of a text of the elements, while another is embedded."""
    return TEXT if position == 0 else f"{TEXT} {position}"


def name_vector(position: int, column: str) -> str:
    """Returns the column that carries a vector of a text that is embedded, while another is.

    Args:
      position: of the text, from 0.
      column: of the vector, as `EmbedText` names it.
    """
    return f"{_VECTOR}{position} {column}"


class PackElements(beam.DoFn):
    """Puts elements into RecordBatches `{id, text, text 1, …}`. The id holds the element: it comes with each failure.

    Elements without a text go to the output `FAILURES`.

    Args:
      texts: takes the texts of an element.
      coder: of the elements.
    """

    def __init__(self, texts: ElementTexts, coder: Coder) -> None:
        self._texts = texts
        self._coder = coder
        self._held: dict[BoundedWindow, _Held] = {}

    def start_bundle(self) -> None:
        self._held = {}

    def process(
        self,
        element: Any,
        window: BoundedWindow = beam.DoFn.WindowParam,  # type: ignore[assignment]
    ) -> Iterator[Any]:
        packed = uuid.uuid4().bytes + self._coder.encode(element)
        try:
            texts = self._texts.take(element)
        except EmbeddingError as e:
            failure = Failure(id=packed, stage="read", reason="no text", error=str(e), text=b"")
            yield beam.pvalue.TaggedOutput(FAILURES, failure)
            return
        held = self._held.setdefault(window, _Held())
        held.add(packed, texts)
        if held.full:
            yield self._held.pop(window).make_batch()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        for window, held in self._held.items():
            yield at_end_of(window, held.make_batch())
        self._held = {}


class _Held:
    """Elements that wait for a batch."""

    def __init__(self) -> None:
        self._ids: list[bytes] = []
        self._texts: list[list[bytes]] = []
        self._bytes = 0

    @property
    def full(self) -> bool:
        """Whether they make a batch."""
        return len(self._ids) >= BATCH_RECORDS or self._bytes >= BATCH_BYTES

    def add(self, packed: bytes, texts: list[bytes]) -> None:
        """Adds one."""
        self._ids.append(packed)
        self._texts.append(texts)
        self._bytes += len(packed) + sum(map(len, texts))

    def make_batch(self) -> pa.RecordBatch:
        """Returns all of them; there is one at least."""
        columns = {ID: pa.array(self._ids, TYPES[ID])}
        for position, texts in enumerate(zip(*self._texts, strict=True)):
            columns[name_text(position)] = pa.array(texts, TYPES[TEXT])
        return pa.RecordBatch.from_pydict(columns)


def unpack_element(packed: bytes, coder: Coder) -> Any:
    """Returns the element that is in an id."""
    return coder.decode(packed[_KEY_BYTES:])


def carry_vectors(rows: pa.RecordBatch, *, position: int, columns: tuple[str, ...], texts: int) -> pa.RecordBatch:
    """Returns embedded rows with their vectors as bytes, and with the next text as `text`.

    Args:
      rows: as `EmbedText` or `CombineDocuments` gives them: one row for each element, with `text` + the number of each
        text that is still to be embedded, and the vectors of those before.
      position: of the text that was embedded, from 0.
      columns: its vectors.
      texts: how many each element has.

    Returns:
      `{id, vectors…, text, text 1, …}`, vectors as float32 one after the other.
    """
    carried = {ID: rows.column(ID)}
    for name in [name for name in rows.schema.names if name.startswith(_VECTOR)]:
        carried[name] = rows.column(name)
    for name in columns:
        vectors = np.asarray(rows.column(name).flatten(), np.float32).reshape(rows.num_rows, -1)
        carried[name_vector(position, name)] = pa.array([vector.tobytes() for vector in vectors], pa.binary())
    for following in range(1, texts - position):
        carried[name_text(following - 1)] = rows.column(name_text(following))
    return pa.RecordBatch.from_pydict(carried)


def list_outcomes(rows: pa.RecordBatch) -> Iterator[Outcome]:
    """Yields what became of each element, from rows whose texts are all embedded (`carry_vectors`)."""
    ids, *vectors = (column.to_pylist() for column in rows.columns)
    for packed, *of_element in zip(ids, *vectors, strict=True):
        yield Outcome(id=packed, vectors=tuple(np.frombuffer(one, np.float32).tolist() for one in of_element))
