"""`Places`: the files and folders of one run of the benchmark."""

from __future__ import annotations

import dataclasses
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Places:
    """The files and folders below the work folder of a run.

    Attributes:
      work: the folder, made anew for each run.
      python: the interpreter of this project's environment.
      peers_python: the interpreter of the peers'.
      openvino_peers_python: the interpreter of the peers that need other versions for OpenVINO.
    """

    work: Path
    python: str
    peers_python: str
    openvino_peers_python: str

    @property
    def huggingface(self) -> Path:
        """The model as a Hugging Face directory, from which all other forms are made."""
        return self.work / "huggingface"

    @property
    def hub_module(self) -> Path:
        """The model as a TF1 Hub module."""
        return self.work / "hub_module"

    @property
    def converted(self) -> Path:
        """The model as the peers' converters write it."""
        return self.work / "converted"

    @property
    def openvino_sentences(self) -> Path:
        """The model as sentence-transformers quantises it for OpenVINO."""
        return self.work / "openvino_sentences"

    @property
    def corpus(self) -> Path:
        """The texts."""
        return self.work / "corpus.txt"

    @property
    def first_document(self) -> Path:
        """The first of the texts alone."""
        return self.work / "first_document.txt"

    @property
    def tokens(self) -> Path:
        """The ids that this project gives to the texts."""
        return self.work / "tokens.npz"

    @property
    def peers_tokens(self) -> Path:
        """The ids that the peers' tokenizer gives to them."""
        return self.work / "peers_tokens.npz"

    def export(self, precision: str) -> Path:
        """Returns the model as `albert-embed export` writes it."""
        return self.work / f"export_{precision}"

    def outcome(self, key: str) -> Path:
        """Returns the vectors that the row `key` gave."""
        return self.work / f"{key}.npz"

    def published(self, key: str) -> Path:
        """Returns what `embed` published for the row `key`."""
        return self.work / "published" / key

    def log(self, name: str) -> Path:
        """Returns where a process's standard error goes."""
        return self.work / "logs" / f"{name}.log"
