"""Python imports this when it starts, where PYTHONPATH has this folder: counts the rows that each process embeds.

Each process appends a line for each batch, `ROWS MEMORY`, to the file of its process id in the folder that
ALBERT_COUNTED_ROWS names; MEMORY is the most that it has held so far, in kB.
"""

import os
import resource
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from albert_embed.model.hosting.handler import AlbertModelHandler

_run_inference = AlbertModelHandler.run_inference


def _count(results: Iterable[Any]) -> Iterator[Any]:
    for result in results:
        if isinstance(result, pa.RecordBatch):
            with (Path(os.environ["ALBERT_COUNTED_ROWS"]) / str(os.getpid())).open("a") as file:
                file.write(f"{result.num_rows} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}\n")
        yield result


def _counted(*arguments: Any, **options: Any) -> Iterator[Any]:
    return _count(_run_inference(*arguments, **options))


AlbertModelHandler.run_inference = _counted  # type: ignore[method-assign]
