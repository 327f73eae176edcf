"""Writes an untrained ALBERT of one layer, beside which the cost of everything around the model shows."""

from __future__ import annotations

import argparse
from pathlib import Path

from albert_embed.model.architecture.config import AlbertConfig
from albert_embed.model.architecture.encoder import AlbertEncoder
from albert_embed.model.export.saved_model_export import Tokenization, write_saved_model
from albert_embed.model.export.untrained import make_untrained_weights
from albert_embed.transforms.text.vocabulary import load_vocabulary


def main() -> None:
    """Writes the model that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vocabulary", type=Path, required=True)
    parser.add_argument("--hidden-size", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    config = AlbertConfig(
        vocab_size=load_vocabulary(str(arguments.vocabulary)).size,
        embedding_size=16,
        hidden_size=arguments.hidden_size,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=2 * arguments.hidden_size,
    )
    write_saved_model(
        AlbertEncoder(config, make_untrained_weights(config, seed=0)),
        arguments.output,
        tokenization=Tokenization(vocabulary_file=arguments.vocabulary, lower_case=True),
        description={"source": "untrained, seed 0", "source_format": "untrained", "precision": "float32"},
    )


if __name__ == "__main__":
    main()
