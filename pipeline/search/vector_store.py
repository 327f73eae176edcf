"""`VectorStore`: the vectors of a dataset on this machine's disk, for repeated searches."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from albert_embed.pipeline.nearest.vector_block import VectorBlock

# Rows of a block that is yielded, at least. With 1,024, as they are stored, a search takes four times as long (60,000
# rows of 768 on 2 cores: 17 ms instead of 4), because the cores wait for each other after each block.
_ROWS_TOGETHER = 8192


class VectorStore:
    """Stores blocks once and yields them any number of times, from files that are mapped into memory.

    A million vectors of width 768 take 3 GB of disk, and as much of the page cache as is free; the process itself holds
    one block at a time.

    Args:
      blocks: to store.
    """

    def __init__(self, blocks: Iterable[VectorBlock]) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="albert-embed-search-")
        vectors_file = Path(self._directory.name) / "vectors"
        self._rows_file = Path(self._directory.name) / "rows.arrow"
        norms = []
        width = 0
        writer: pa.RecordBatchFileWriter | None = None
        with open(vectors_file, "wb") as vectors:
            for block in blocks:
                vectors.write(np.ascontiguousarray(block.vectors, "<f4").data)
                norms.append(block.inverse_norms)
                width = block.vectors.shape[1]
                writer = writer or pa.ipc.new_file(str(self._rows_file), block.rows.schema)
                writer.write_batch(block.rows)
        if writer is not None:
            writer.close()
        self._inverse_norms = np.concatenate(norms) if norms else np.zeros(0, np.float32)
        # Mapped once: a new mapping for each search would cost a page fault for every 64 kB.
        self._vectors = np.memmap(vectors_file, "<f4", mode="r", shape=(len(self), width)) if len(self) else None

    def __len__(self) -> int:
        return len(self._inverse_norms)

    def blocks(self) -> Iterator[VectorBlock]:
        """Yields all rows again, in the same order."""
        if self._vectors is None:
            return
        with pa.memory_map(str(self._rows_file)) as file:
            reader = pa.ipc.open_file(file)
            start, together = 0, []
            for number in range(reader.num_record_batches):
                together.append(reader.get_batch(number))
                rows = sum(batch.num_rows for batch in together)
                if rows < _ROWS_TOGETHER and number < reader.num_record_batches - 1:
                    continue
                stop = start + rows
                yield VectorBlock(
                    rows=pa.Table.from_batches(together),
                    vectors=self._vectors[start:stop],
                    inverse_norms=self._inverse_norms[start:stop],
                )
                start, together = stop, []

    def __enter__(self) -> VectorStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Deletes the files."""
        self._directory.cleanup()
