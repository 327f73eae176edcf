"""An input held in memory, for the tests of reading."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from albert_embed.pipeline.documents.document_reader import DocumentReader
from albert_embed.pipeline.records.content_id import hash_content
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records, fail_file
from albert_embed.transforms.steps.failure import Failure

Texts = Sequence[tuple[str, str]]  # (id, text)


@dataclasses.dataclass(frozen=True)
class MadePart:
    """A part by name."""

    name: str

    @property
    def key(self) -> bytes:
        return hash_content(self.name.encode())

    @property
    def stored_bytes(self) -> int:
        return 0


@dataclasses.dataclass(frozen=True)
class MadeReader:
    """Reads parts as two Records and a failure between them.

    From the second reading on, by whatever copy, the texts are those of `later`: the first one makes the file `marker`.
    """

    texts: Mapping[str, Texts]
    reads: list[str] = dataclasses.field(default_factory=list)
    later: Mapping[str, Texts] = dataclasses.field(default_factory=dict)
    marker: Path | None = None
    broken: tuple[str, ...] = ()

    def setup(self) -> None:
        pass

    def read(self, part: MadePart) -> Iterator[Records | Failure]:
        texts = self.texts[part.name]
        self.reads.append(part.name)
        if self.marker is not None:
            texts = self.later[part.name] if self.marker.exists() else texts
            self.marker.touch()
        half = len(texts) // 2
        for start, stop in ((0, half), (half, len(texts))):
            columns = {name: [text[column] for text in texts[start:stop]] for column, name in enumerate(("id", "text"))}
            if stop > start:
                yield Records(file=part.name, unit="row", positions=range(start, stop), columns=columns)
            if start == 0 and part.name in self.broken:
                yield fail_file(part.name, "damaged in the middle")


def make_reader(texts: Mapping[str, Texts], **more: object) -> DocumentReader:
    """Returns a reader of parts by name."""
    return DocumentReader(records=MadeReader(texts, **more), fields=RecordFields())  # type: ignore[arg-type]


def read_documents(texts: Texts, *, part: str = "a") -> pa.RecordBatch:
    """Returns all documents of one part."""
    found = [batch for batch in make_reader({part: texts}).read(MadePart(part)) if isinstance(batch, pa.RecordBatch)]
    return pa.Table.from_batches(found).combine_chunks().to_batches()[0]
