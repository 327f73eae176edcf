"""Writes the models of this folder with the real tools. It runs in an environment of its own, and the tests without it:

    python -m venv build/tools
    build/tools/bin/pip install torch==2.15.0 transformers==5.23.0 sentence-transformers==6.2.0 sentencepiece==0.2.3 \
        protobuf==7.36.1
    build/tools/bin/python tests/golden/made_by_tools/make_models.py VOCABULARY.model OUTPUT

torch from PyPI brings CUDA libraries (6.5 GB in all), which is why `make test` does not install it.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from transformers import AlbertConfig, AlbertForMaskedLM, AlbertForPreTraining, AlbertModel, AlbertTokenizer

TEXTS = ["the harbour was empty", "In 1945, the first boats came back from the other side of it (and more).", "yes"]


def main(vocabulary: Path, output: Path) -> None:
    torch.manual_seed(0)
    config = AlbertConfig(
        vocab_size=400,
        embedding_size=8,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=64,
        initializer_range=0.3,
    )
    AlbertForMaskedLM(config).save_pretrained(output / "masked_words")
    AlbertForPreTraining(config).save_pretrained(output / "shards", max_shard_size="6KB")
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "base"
        AlbertModel(config).save_pretrained(base)
        shutil.copy(vocabulary, base / "spiece.model")
        AlbertTokenizer.from_pretrained(str(base)).save_pretrained(base)
        (base / "spiece.model").unlink()  # as transformers 5 saves it
        transformer = Transformer(str(base), max_seq_length=16)
        modules = [transformer, Pooling(16, pooling_mode="mean"), Dense(16, 6), Normalize()]
        save_sentence_model(modules, output / "sentences_mean")
        save_sentence_model([transformer, Pooling(16, pooling_mode="cls")], output / "sentences_cls")
    # One vocabulary is enough; and what names its maker's folders goes.
    (output / "sentences_cls" / "tokenizer.json").unlink()


def save_sentence_model(modules: list[Any], directory: Path) -> None:
    model = SentenceTransformer(modules=modules, device="cpu").eval()
    model.save(str(directory), create_model_card=False)
    features = {name: value for name, value in model.preprocess(TEXTS).items() if hasattr(value, "numpy")}
    expected = {name: features[name].numpy().astype(np.int32) for name in ("input_ids", "attention_mask")}
    np.savez(directory / "expected.npz", sentence_embedding=model.encode(TEXTS), **expected)
    print(directory, json.dumps(sorted(entry.name for entry in directory.iterdir())))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
