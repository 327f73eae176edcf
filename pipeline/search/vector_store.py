"""`VectorStore`: the vectors of a dataset on this machine's disk, for repeated searches."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from albert_embed.pipeline.nearest.vector_block import VectorBlock


class VectorStore:
    """Stores blocks once and yields them any number of times, from files that are mapped into memory.

    A million vectors of width 768 take 3 GB of disk, and as much of the page cache as is free; the process itself holds
    one block at a time.

    Args:
      blocks: to store.
    """

    def __init__(self, blocks: Iterable[VectorBlock]) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="albert-embed-search-")
        self._vectors_file = Path(self._directory.name) / "vectors"
        self._rows_file = Path(self._directory.name) / "rows.arrow"
        norms = []
        self._hidden_size = 0
        writer: pa.RecordBatchFileWriter | None = None
        with open(self._vectors_file, "wb") as vectors:
            for block in blocks:
                vectors.write(np.ascontiguousarray(block.vectors, "<f4").data)
                norms.append(block.inverse_norms)
                self._hidden_size = block.vectors.shape[1]
                writer = writer or pa.ipc.new_file(str(self._rows_file), block.rows.schema)
                writer.write_batch(block.rows)
        if writer is not None:
            writer.close()
        self._inverse_norms = np.concatenate(norms) if norms else np.zeros(0, np.float32)

    def __len__(self) -> int:
        return len(self._inverse_norms)

    def blocks(self) -> Iterator[VectorBlock]:
        """Yields all rows again, in the same order."""
        if not len(self):
            return
        vectors = np.memmap(self._vectors_file, "<f4", mode="r", shape=(len(self), self._hidden_size))
        with pa.memory_map(str(self._rows_file)) as file:
            reader = pa.ipc.open_file(file)
            start = 0
            for number in range(reader.num_record_batches):
                rows = reader.get_batch(number)
                stop = start + rows.num_rows
                yield VectorBlock(rows=rows, vectors=vectors[start:stop], inverse_norms=self._inverse_norms[start:stop])
                start = stop

    def close(self) -> None:
        """Deletes the files."""
        self._directory.cleanup()
