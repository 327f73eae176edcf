"""The Python examples of the documentation run as they stand, with a tiny model in the place of published ones."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from albert_embed.pipeline.cli.main import main
from tests.documentation.pages import CodeBlock, list_code_blocks
from tests.tiny_model import CORPUS, write_model


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the examples name: the model `albert_base` and the output `embeddings`."""
    folder = tmp_path_factory.mktemp("workplace")
    write_model(folder / "albert_base")
    (folder / "corpus.txt").write_text("".join(_first_lines(5)), encoding="utf-8")
    arguments = ["--model", folder / "albert_base", "--input", folder / "corpus.txt", "--output", folder / "embeddings"]
    outputs = ["--embeddings", "pooled,mean,document", "--sink", "tfrecord,parquet"]
    assert main(["embed", *map(str, arguments), *outputs]) == 0
    return folder


@functools.cache
def _first_lines(count: int) -> list[str]:
    return CORPUS.read_text(encoding="utf-8").splitlines(keepends=True)[:count]


@pytest.mark.integration
@pytest.mark.parametrize("block", list_code_blocks("python"), ids=str)
def test_python_examples_run(block: CodeBlock, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workplace)
    # As many newlines before the code as there are lines above it, so that a traceback names the page's own line.
    exec(compile("\n" * (block.line - 1) + block.code, str(block.page), "exec"), {"__name__": "__main__"})


def test_there_are_examples() -> None:
    assert len(list_code_blocks("python")) >= 3
