"""Writes what the programs on the GPU's machine need, where TensorFlow is not: programs, ids, expected vectors, code.

python -m benchmarks.gpu.prepare --vocabulary FILE --corpus FILE --output DIR
"""

from __future__ import annotations

import argparse
import ast
import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from albert_embed.model.directory.model_directory import INPUT_NAMES, TOKENS_SIGNATURE, load_saved_model
from benchmarks.corpus import read_lines
from benchmarks.gpu.shapes import FIXED_LENGTHS, TOKENS
from benchmarks.process import REPOSITORY
from benchmarks.tokens import read_tokens

_OUTPUTS = ("pooled_output", "sequence_output")
_EXPECTED_STEP = 8  # every eighth document's vectors are computed here, in float32
# What is compiled: all lengths in bfloat16, the shortest and the longest in the others.
_PROGRAMS = [("bfloat16", length) for length in FIXED_LENGTHS] + [
    (precision, length) for precision in ("float16", "float32") for length in (128, 512)
]


def lower(model: Path, rows: int, length: int) -> tuple[str, list[str]]:
    """Returns the StableHLO of the signature `tokens` for one shape, and the names of the weights that it takes."""
    loaded = load_saved_model(model)  # it owns the variables
    signature = loaded.signatures[TOKENS_SIGNATURE]

    def run(input_ids: tf.Tensor, input_mask: tf.Tensor, segment_ids: tf.Tensor) -> tuple[tf.Tensor, ...]:
        results = signature(input_ids=input_ids, input_mask=input_mask, segment_ids=segment_ids)
        return tuple(results[name] for name in _OUTPUTS)

    inputs = [tf.TensorSpec([rows, length], tf.int32, name=name) for name in INPUT_NAMES]
    function = tf.function(run, input_signature=inputs, jit_compile=True)
    concrete = function.get_concrete_function()
    names = {id(variable.handle): variable.name.removesuffix(":0") for variable in concrete.variables}
    program = function.experimental_get_compiler_ir(*[tf.zeros([rows, length], tf.int32)] * len(INPUT_NAMES))
    return program(stage="stablehlo"), [names[id(handle)] for handle in concrete.captured_inputs]


def expect(model: Path, tokens_file: Path) -> dict[str, np.ndarray]:
    """Returns mean and pooled vectors of every eighth document, computed by TensorFlow on this CPU in float32."""
    tokens = read_tokens(tokens_file)
    loaded = load_saved_model(model)
    signature = loaded.signatures[TOKENS_SIGNATURE]
    documents = np.arange(0, len(tokens), _EXPECTED_STEP)
    mean, pooled = [], []
    for document in documents:
        ids = tf.constant(tokens[int(document)][np.newaxis].astype(np.int32))
        outputs = signature(input_ids=ids, input_mask=tf.ones_like(ids), segment_ids=tf.zeros_like(ids))
        mean.append(outputs["sequence_output"][0].numpy().astype(np.float64).mean(axis=0).astype(np.float32))
        pooled.append(outputs["pooled_output"][0].numpy())
    return {"documents": documents, "mean": np.stack(mean), "pooled": np.stack(pooled)}


def list_code() -> list[str]:
    """Returns the files of this project that the programs import, and that those import, below `src`.

    Without the packages' own files, which need the whole project installed.
    """
    here = Path(__file__)
    waiting = [file for file in here.parent.glob("*.py") if file.name != here.name]
    found: set[str] = set()
    while waiting:
        for node in ast.walk(ast.parse(waiting.pop().read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.startswith("albert_embed."):
                name = f"{node.module.replace('.', '/')}.py"
                if name not in found:
                    found.add(name)
                    waiting.append(REPOSITORY / "src" / name)
    return sorted(found)


def copy_code(folder: Path) -> None:
    """Copies what the programs need to run where this project is not installed."""
    for name in list_code():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / "src" / name, target)
    shutil.copytree(REPOSITORY / "benchmarks", folder / "benchmarks", dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip


def _run(*arguments: Any) -> None:
    subprocess.run([sys.executable, "-m", *map(str, arguments)], check=True, cwd=REPOSITORY, stdout=subprocess.DEVNULL)


def main() -> None:
    """Prepares the folder that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vocabulary", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, required=True, help="a text file, .gz too, one document per line")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder for the models, which do not travel")
    parser.add_argument("--tokens", type=int, default=TOKENS, help="of a batch; fewer, to try the programs on a CPU")
    arguments = parser.parse_args()
    output, work = arguments.output, arguments.work
    output.mkdir(parents=True, exist_ok=True)
    work.mkdir(parents=True, exist_ok=True)
    shutil.copy(arguments.vocabulary, output / "vocabulary.model")
    if not (work / "huggingface").exists():
        _run(
            "benchmarks.weights",
            "--vocabulary",
            arguments.vocabulary,
            "--size",
            "base",
            "--output",
            work / "huggingface",
        )
    for precision in ("float32", "bfloat16", "float16"):
        if not (work / precision).exists():
            _run("albert_embed", "export", "--source", work / "huggingface", "--output", work / precision,
                 "--precision", precision)  # fmt: skip
    corpus = output / "corpus.txt"
    corpus.write_text("\n".join(read_lines(arguments.corpus)) + "\n", encoding="utf-8")
    _run("benchmarks.programs.tokenize_corpus", "--vocabulary", arguments.vocabulary, "--corpus", corpus,
         "--output", output / "tokens.npz")  # fmt: skip
    programs = []
    for precision, length in _PROGRAMS:
        rows = arguments.tokens // length
        text_of_program, weights = lower(work / precision, rows, length)
        name = f"{precision}-{length}.mlir.gz"
        (output / name).write_bytes(gzip.compress(text_of_program.encode()))
        programs.append({"file": name, "precision": precision, "rows": rows, "length": length, "weights": weights})
    (output / "programs.json").write_text(json.dumps(programs, indent=1))
    np.savez(output / "expected.npz", allow_pickle=False, **expect(work / "float32", output / "tokens.npz"))
    copy_code(output / "code")


if __name__ == "__main__":
    main()
