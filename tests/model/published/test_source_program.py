"""A source's own program in a process of its own: what it gives, how its errors and crashes are told."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from albert_embed.model.published.published_model import open_published_model
from albert_embed.model.published.source_program import NotRunnableError, SourceProgramError, run_source
from tests.model.checkpoints import (
    huggingface_tensors,
    tf1_variables,
    write_huggingface_checkpoint,
    write_tf1_checkpoint,
)
from tests.tiny_model import TINY, make_inputs, make_weights

INPUTS = make_inputs(TINY, [7, 3])


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A Hugging Face checkpoint."""
    write_huggingface_checkpoint(tmp_path / "source", TINY, huggingface_tensors(make_weights(TINY)))
    return tmp_path / "source"


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, *, load: str) -> None:
    """Puts a `torch` and a `transformers` before all others, whose `AlbertModel.from_pretrained` does `load`."""
    folder.mkdir()
    (folder / "torch.py").write_text("float32 = 'float32'\n")
    (folder / "transformers.py").write_text(
        "import os, signal, sys\n"
        "assert 'tensorflow' not in sys.modules, 'two LLVMs'\n"
        "class AlbertModel:\n"
        "    @staticmethod\n"
        "    def from_pretrained(directory, **options):\n"
        f"        {load}\n"
    )
    monkeypatch.syspath_prepend(str(folder))


def test_a_hub_module(tiny_module: Path) -> None:
    with open_published_model(str(tiny_module)) as published:
        outputs = run_source(published, INPUTS)
    assert {name: (value.dtype, value.shape) for name, value in outputs.items()} == {
        "pooled_output": (np.dtype(np.float32), (2, 16)),
        "sequence_output": (np.dtype(np.float32), (2, 7, 16)),
    }


@pytest.mark.parametrize(
    ("load", "end"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", r"crashed: it was ended by SIGSEGV"),
        ("raise OSError('no such layer')", r"failed with status 1: OSError: no such layer"),
        ("os._exit(3)", r"failed with status 3: it wrote nothing"),
    ],
)
def test_a_program_that_does_not_end_well(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load: str, end: str
) -> None:
    install(tmp_path / "stubs", monkeypatch, load=load)
    message = f"the own program of {re.escape(str(checkpoint))} (AlbertModel of transformers) {end}"
    with (
        open_published_model(str(checkpoint)) as published,
        pytest.raises(SourceProgramError, match=f"^{message.replace('(', r'[(]').replace(')', r'[)]')}$"),
    ):
        run_source(published, INPUTS)


def test_weights_that_transformers_does_not_find(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = "return None, {'missing_keys': {'pooler.bias', 'embeddings.word', 'encoder.x'}}"
    install(tmp_path / "stubs", monkeypatch, load=load)
    message = r"^transformers finds 2 of its weights missing, such as embeddings\.word$"
    with open_published_model(str(checkpoint)) as published, pytest.raises(NotRunnableError, match=message):
        run_source(published, INPUTS)


def test_programs_that_are_not_installed(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "torch" else name)
    with (
        open_published_model(str(checkpoint)) as published,
        pytest.raises(NotRunnableError, match=r"^PyTorch and transformers, which can run it, are not installed$"),
    ):
        run_source(published, INPUTS)


def test_a_checkpoint_without_a_program(tmp_path: Path) -> None:
    write_tf1_checkpoint(tmp_path / "source", TINY, tf1_variables(make_weights(TINY)))
    with (
        open_published_model(str(tmp_path / "source")) as published,
        pytest.raises(NotRunnableError, match=r"^a TF1 checkpoint holds weights and no program$"),
    ):
        run_source(published, INPUTS)
