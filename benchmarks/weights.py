"""Writes an ALBERT model with random weights as a Hugging Face directory, without PyTorch.

Run as a program of its own: `python -m benchmarks.weights --vocabulary FILE --size base --output DIR`.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
from safetensors.numpy import save_file

SEED = 20190926
MAX_TOKENS = 512
# Wider than ALBERT's initial 0.02, so that attention is far from uniform, documents differ (median cosine of two mean
# vectors 0.93) and a wrong program is noticed. It is the harder case for bfloat16, too: on 24 short documents of
# mixed2k the smallest cosine to float32 was 0.9999 at 0.02, 0.9998 at 0.03, 0.9997 at 0.04 and 0.9996 at 0.05.
_STANDARD_DEVIATION = 0.05

SIZES: dict[str, dict[str, int]] = {
    "base": {
        "embedding_size": 128,
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
    },
    "tiny": {
        "embedding_size": 16,
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 128,
    },
}
_SPECIAL_PIECES = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")


def make_config(size: str, vocabulary_size: int) -> dict[str, Any]:
    """Returns the `config.json` of transformers' `AlbertModel`."""
    return {
        "architectures": ["AlbertModel"],
        "model_type": "albert",
        "vocab_size": vocabulary_size,
        **SIZES[size],
        "num_hidden_groups": 1,
        "inner_group_num": 1,
        "hidden_act": "gelu_new",
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "max_position_embeddings": MAX_TOKENS,
        "type_vocab_size": 2,
        "initializer_range": _STANDARD_DEVIATION,
        "layer_norm_eps": 1e-12,
        "pad_token_id": 0,
        "bos_token_id": 2,
        "eos_token_id": 3,
    }


def make_weights(config: dict[str, Any]) -> dict[str, np.ndarray]:
    """Returns random float32 weights by the names of transformers' `AlbertModel`, the same in every call."""
    generator = np.random.default_rng(SEED)
    embedding, hidden, intermediate = config["embedding_size"], config["hidden_size"], config["intermediate_size"]
    tensors: dict[str, np.ndarray] = {}

    def draw(*shape: int) -> np.ndarray:
        return generator.normal(0.0, _STANDARD_DEVIATION, shape).astype(np.float32)

    def add_linear(name: str, inputs: int, outputs: int) -> None:
        tensors[f"{name}.weight"] = draw(outputs, inputs)
        tensors[f"{name}.bias"] = draw(outputs)

    def add_norm(name: str, width: int) -> None:
        tensors[f"{name}.weight"] = 1 + draw(width)
        tensors[f"{name}.bias"] = draw(width)

    tensors["embeddings.word_embeddings.weight"] = draw(config["vocab_size"], embedding)
    tensors["embeddings.position_embeddings.weight"] = draw(config["max_position_embeddings"], embedding)
    tensors["embeddings.token_type_embeddings.weight"] = draw(config["type_vocab_size"], embedding)
    add_norm("embeddings.LayerNorm", embedding)
    add_linear("encoder.embedding_hidden_mapping_in", embedding, hidden)
    layer = "encoder.albert_layer_groups.0.albert_layers.0"
    for part in ("query", "key", "value", "dense"):
        add_linear(f"{layer}.attention.{part}", hidden, hidden)
    add_norm(f"{layer}.attention.LayerNorm", hidden)
    add_linear(f"{layer}.ffn", hidden, intermediate)
    add_linear(f"{layer}.ffn_output", intermediate, hidden)
    add_norm(f"{layer}.full_layer_layer_norm", hidden)
    add_linear("pooler", hidden, hidden)
    return tensors


def make_tokenizer(processor: Any) -> dict[str, Any]:
    """Returns the `tokenizer.json` of an uncased ALBERT, as transformers' converter makes it from SentencePiece.

    Like that converter, it gives pieces such as "1945," a score too low to be chosen, which has the effect of ALBERT's
    rule that they are encoded again without the comma. The converter's replacement of `` and '' is left out: the ALBERT
    repository has none.
    """
    vocabulary = []
    for piece_id in range(processor.GetPieceSize()):
        piece, score = processor.IdToPiece(piece_id), processor.GetScore(piece_id)
        digit_comma = len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit()
        vocabulary.append([piece, score - 100 if digit_comma else score])
    space = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
    first, second = {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}

    def special(piece: str, segment: int) -> dict[str, Any]:
        return {"SpecialToken": {"id": piece, "type_id": segment}}

    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": piece_id,
                "content": piece,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for piece_id, piece in enumerate(_SPECIAL_PIECES)
        ],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [{"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}],
        },
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, space]},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [special("[CLS]", 0), first, special("[SEP]", 0)],
            "pair": [special("[CLS]", 0), first, special("[SEP]", 0), second, special("[SEP]", 1)],
            "special_tokens": {
                piece: {"id": piece, "ids": [_SPECIAL_PIECES.index(piece)], "tokens": [piece]}
                for piece in ("[CLS]", "[SEP]")
            },
        },
        "decoder": space,
        "model": {"type": "Unigram", "unk_id": 1, "vocab": vocabulary, "byte_fallback": False},
    }


def write_model(vocabulary_file: Path, size: str, output: Path) -> None:
    """Writes `config.json`, `model.safetensors`, the tokenizer, and sentence-transformers' own files with mean pooling.

    Raises:
      ValueError: if the vocabulary's first pieces are not ALBERT's special ones.
    """
    processor = sentencepiece.SentencePieceProcessor(model_file=str(vocabulary_file))
    found = tuple(processor.IdToPiece(piece_id) for piece_id in range(len(_SPECIAL_PIECES)))
    if found != _SPECIAL_PIECES:
        raise ValueError(f"{vocabulary_file} begins with {found}; ALBERT's vocabularies begin with {_SPECIAL_PIECES}")
    config = make_config(size, processor.GetPieceSize())
    tokenizer_config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": MAX_TOKENS,
        "do_lower_case": True,
        "keep_accents": False,
        "remove_space": True,
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    pooling = {"word_embedding_dimension": config["hidden_size"], "pooling_mode_mean_tokens": True}
    (output / "1_Pooling").mkdir(parents=True, exist_ok=True)
    for name, content in (
        ("config.json", config),
        ("tokenizer.json", make_tokenizer(processor)),
        ("tokenizer_config.json", tokenizer_config),
        ("modules.json", modules),
        ("sentence_bert_config.json", {"max_seq_length": MAX_TOKENS, "do_lower_case": False}),
        ("1_Pooling/config.json", pooling),
    ):
        (output / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    save_file(make_weights(config), output / "model.safetensors", metadata={"format": "pt"})
    shutil.copyfile(vocabulary_file, output / "spiece.model")


def main() -> None:
    """Writes the model that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vocabulary", type=Path, required=True)
    parser.add_argument("--size", choices=sorted(SIZES), required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    write_model(arguments.vocabulary, arguments.size, arguments.output)


if __name__ == "__main__":
    main()
