"""The README's demo: makes an untrained model, embeds the sample corpus with it and inspects the result."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from albert_embed.pipeline.cli.main import main

EXAMPLES = Path(__file__).resolve().parent


def run_demo(folder: Path) -> int:
    """Makes the model in `folder/model` if it is not there, embeds into `folder/embeddings`, and prints `inspect`."""
    from albert_embed.model.untrained import write_untrained_model

    model = folder / "model"
    print("The demo's model is UNTRAINED: random weights from a fixed seed. Its embeddings mean nothing;", flush=True)
    print("give --model a TF Hub module or an export of published weights for embeddings that do.", flush=True)
    if not model.exists():
        write_untrained_model(EXAMPLES / "corpus.txt", model)
    output = str(folder / "embeddings")
    corpus = str(EXAMPLES / "corpus.txt")
    embeddings = "pooled,sequence,mean"
    status = main(
        [
            "embed",
            "--model",
            str(model),
            "--input",
            corpus,
            "--output",
            output,
            "--embeddings",
            embeddings,
            "--overwrite",
        ]
    )
    return status or main(["inspect", output])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder for the model and the embeddings")
    sys.exit(run_demo(parser.parse_args().folder))
