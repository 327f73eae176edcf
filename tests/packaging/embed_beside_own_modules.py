"""A user's program, run in a folder that holds modules of the user's own called `pipeline`, `model` and `transforms`.

Arguments: the model's directory, and a directory to write the transform graph to.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa

from albert_embed import AlbertModelHandler, EmbedText, PreprocessingConfig, TokenBatchConfig, save_transform_graph
from albert_embed.model.directory.model_directory import open_model_directory


def print_rows(batch: Any) -> None:
    """Prints the id and the size of the embedding of each row."""
    for row in batch.to_pylist():
        print("embedded", row["id"].decode(), len(row["pooled_output"]), flush=True)


def main() -> None:
    """Embeds three documents."""
    model_directory, graph = sys.argv[1:]
    own = [importlib.import_module(name) for name in ("pipeline", "model", "transforms")]
    opened = open_model_directory(Path(model_directory))
    save_transform_graph(
        opened.load_vocabulary(),
        PreprocessingConfig(lower_case=opened.lower_case, max_tokens=32),
        graph,
    )
    documents = pa.RecordBatch.from_pydict({"id": ["a", "b", "c"], "text": ["Hello, world", "two", "three words here"]})
    with beam.Pipeline() as pipeline:
        embedded = (
            pipeline
            | beam.Create([documents])
            | EmbedText(
                transform_directory=graph,
                handler=AlbertModelHandler(model_directory),
                batching=TokenBatchConfig(batch_tokens=64, max_tokens=32),
            )
        )
        embedded["embeddings"] | beam.Map(print_rows)
    for module in own:
        print("own", module.NAME)


if __name__ == "__main__":
    main()
