"""Writes the weights of a Hugging Face directory as a TF1 Hub module, as the published ones are written."""

from __future__ import annotations

import argparse
from pathlib import Path

from albert_embed.model.architecture.config import read_config
from albert_embed.model.published.huggingface_checkpoint import read_huggingface_checkpoint
from tests.published_hub_module import write_hub_module


def main() -> None:
    """Writes the module that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    config = read_config(arguments.source / "config.json", "huggingface")
    write_hub_module(
        arguments.output,
        config,
        read_huggingface_checkpoint(arguments.source, config).weights,
        vocabulary_file=arguments.source / "spiece.model",
    )


if __name__ == "__main__":
    main()
