"""`Tombstones`: which rows of an output that runs add to are dead, for readers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from albert_embed.pipeline.dataset.published_output import PublishedFile
from albert_embed.pipeline.shards.keys import find_keys, id_keys
from albert_embed.pipeline.shards.read_ids import read_ids
from albert_embed.transforms.rows.columns import ID, TOKENS, TRUNCATED, TYPES

GENERATION = "generation"
DOCUMENTS = "documents"
ROWS = "rows"
DELETED = "deleted"
# Ids whose rows in generations before this one are dead.
TOMBSTONE_IDS_SCHEMA = pa.schema([(ID, TYPES[ID]), (GENERATION, pa.int64())])
# The same as a run writes it, with whether the document is gone for good, and the counts of the dead rows.
TOMBSTONE_SCHEMA = pa.schema(
    [
        (ID, TYPES[ID]),
        (DELETED, pa.bool_()),
        *((name, pa.int64()) for name in (DOCUMENTS, ROWS, TOKENS, TRUNCATED)),
    ]
)


class Tombstones:
    """The ids whose rows in earlier generations are dead. It holds 24 bytes for each id.

    Args:
      keys: of ids (`id_keys`), each once, sorted.
      generations: for each, the last generation that supersedes it.

    Attributes:
      last: the last generation that supersedes any; 0 where none does.
    """

    def __init__(self, keys: np.ndarray, generations: np.ndarray) -> None:
        self._keys = keys
        self._generations = generations
        self.last = int(generations.max(initial=0))

    def find_live(self, ids: pa.Array, generation: int) -> np.ndarray | None:
        """Returns which rows of a generation are not superseded by a later one, as a mask; None if all are not.

        Args:
          ids: of the rows.
          generation: of the rows.
        """
        if generation >= self.last:
            return None
        found = find_keys(self._keys, id_keys(ids))
        dead = (found >= 0) & (self._generations[found] > generation)
        return ~dead if dead.any() else None


def load_tombstones(files: Sequence[PublishedFile]) -> Tombstones:
    """Loads the tombstones in these files (`TOMBSTONE_SCHEMA`), each with its generation.

    Raises:
      DamagedShardError: if a file is damaged.
      FileNotFoundError: if there is none.
    """
    keys, generations = [np.zeros(0, "S16")], [np.zeros(0, np.int64)]
    for listed in files:
        for ids in read_ids(listed.path):
            keys.append(id_keys(ids))
            generations.append(np.full(len(ids), listed.generation))
    all_keys, all_generations = np.concatenate(keys), np.concatenate(generations)
    order = np.lexsort((all_generations, all_keys))
    all_keys, all_generations = all_keys[order], all_generations[order]
    last = np.append(all_keys[1:] != all_keys[:-1], True) if len(all_keys) else np.zeros(0, bool)
    return Tombstones(all_keys[last], all_generations[last])
