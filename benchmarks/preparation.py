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
    places: Places,
    *,
    corpus: Path,
    mode: str,
    vocabulary: Path,
    size: str,
    with_peers: bool,
    with_int8: bool,
    with_openvino_sentences: bool,
    say: Callable[[str], None],
) -> None:
    """Fills the work folder, which is emptied first.

    Args:
      places: of the run.
      corpus, mode: the texts, and which of them.
      vocabulary, size: of the model.
      with_peers, with_int8, with_openvino_sentences: whether rows need the model in the peers' forms, in int8, or as
        sentence-transformers quantises it.
      say: called with each step.

    Raises:
      OSError, ValueError: if the corpus or the vocabulary can't be read.
      ProcessError: if a step fails.
    """
    shutil.rmtree(places.work, ignore_errors=True)
    (places.work / "logs").mkdir(parents=True)
    places.published("").mkdir()
    say(f"writing the {mode} corpus and the {size} model")
    write_corpora(corpus, mode, places.corpus, places.first_document)
    write_model(vocabulary, size, places.huggingface)
    source = ["--source", str(places.huggingface)]
    # As the TF1 Hub module's: Hugging Face's rule for pieces such as "1945," gives one document of mixed2k other ids.
    export_source = [*source, "--comma-rule", "albert"]
    precisions = ("float32", "bfloat16", "int8") if with_int8 else ("float32", "bfloat16")
    for precision in precisions:
        say(f"exporting it in {precision}")
        export = [
            "albert_embed",
            "export",
            *export_source,
            "--precision",
            precision,
            "--output",
            str(places.export(precision)),
        ]
        if precision == "int8":
            export += ["--calibration-texts", str(places.corpus)]
        run_process([places.python, "-m", *export], log=places.log(f"export-{precision}"))
    say("writing it as a TF1 Hub module")
    write = ["benchmarks.programs.write_hub_module", *source, "--output", str(places.hub_module)]
    run_process([places.python, "-m", *write], log=places.log("hub-module"))
    say("tokenising the corpus")
    texts = ["--corpus", str(places.corpus)]
    tokenize = ["benchmarks.programs.tokenize_corpus", *texts, "--output", str(places.tokens)]
    run_process(
        [places.python, "-m", *tokenize, "--vocabulary", str(vocabulary)],
        log=places.log("tokens"),
    )
    if with_peers:
        say("tokenising the corpus and converting the model for the peers")
        tokenize = ["benchmarks.peers.tokenize_corpus", *texts, "--output", str(places.peers_tokens)]
        run_process(
            [places.peers_python, "-m", *tokenize, "--tokenizer", str(places.huggingface / "tokenizer.json")],
            log=places.log("peers-tokens"),
        )
        convert = ["benchmarks.peers.convert", "--model", str(places.huggingface), "--output", str(places.converted)]
        run_process([places.peers_python, "-m", *convert], log=places.log("convert"))
    if with_openvino_sentences:
        say("quantising the model with sentence-transformers")
        quantize = ["benchmarks.peers.quantize_sentences", "--model", str(places.huggingface), *texts]
        run_process(
            [places.openvino_peers_python, "-m", *quantize, "--output", str(places.openvino_sentences)],
            log=places.log("quantize-sentences"),
        )
