"""Makes what a run needs before anything is measured: the model in all its forms, the texts and their ids."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from benchmarks.corpus import write_corpora
from benchmarks.places import Places
from benchmarks.process import run_process
from benchmarks.weights import write_model


def prepare(
    places: Places, *, corpus: Path, mode: str, vocabulary: Path, size: str, with_peers: bool, say: Callable[[str], None]
) -> None:
    """Fills the work folder, which is emptied first; `say` is told each step.

    Raises:
      OSError, ValueError: where the corpus or the vocabulary can't be read.
      ProcessError: where a step fails.
    """
    shutil.rmtree(places.work, ignore_errors=True)
    (places.work / "logs").mkdir(parents=True)
    places.published("").mkdir()
    say(f"writing the {mode} corpus and the {size} model")
    write_corpora(corpus, mode, places.corpus, places.first_document)
    write_model(vocabulary, size, places.huggingface)
    source = ["--source", str(places.huggingface)]
    for precision in ("float32", "bfloat16"):
        say(f"exporting it in {precision}")
        run_process(
            [places.python, "-m", "pipeline", "export", *source, "--precision", precision]
            + ["--output", str(places.export(precision))],
            log=places.log(f"export-{precision}"),
        )
    say("writing it as a TF1 Hub module")
    run_process(
        [places.python, "-m", "benchmarks.programs.write_hub_module", *source, "--output", str(places.hub_module)],
        log=places.log("hub-module"),
    )
    say("tokenising the corpus")
    run_process(
        [places.python, "-m", "benchmarks.programs.tokenize_corpus", "--vocabulary", str(vocabulary)]
        + ["--corpus", str(places.corpus), "--output", str(places.tokens)],
        log=places.log("tokens"),
    )
    if with_peers:
        prepare_peers(places, say)


def prepare_peers(places: Places, say: Callable[[str], None]) -> None:
    """What only the peers need: their ids, and the model as ONNX and as OpenVINO's own format."""
    say("converting the model for the peers")
    run_process(
        [places.peers_python, "-m", "benchmarks.peers.tokenize_corpus", "--corpus", str(places.corpus)]
        + ["--tokenizer", str(places.huggingface / "tokenizer.json"), "--output", str(places.peers_tokens)],
        log=places.log("peers-tokens"),
    )
    run_process(
        [places.peers_python, "-m", "benchmarks.peers.convert", "--model", str(places.huggingface)]
        + ["--output", str(places.converted)],
        log=places.log("convert"),
    )
