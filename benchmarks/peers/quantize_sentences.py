"""Quantises the model with sentence-transformers' own function for OpenVINO; not part of any measurement."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from sentence_transformers import SentenceTransformer, export_static_quantized_openvino_model

from benchmarks.outcome import read_documents


def main() -> None:
    """Quantises the model that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, required=True, help="text, a document a line, to calibrate on")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    shutil.copytree(arguments.model, arguments.output)  # to which the function adds a file
    model = SentenceTransformer(str(arguments.model), device="cpu", backend="openvino")
    with tempfile.TemporaryDirectory() as folder:
        lines = [json.dumps({"text": text}) for text in read_documents(arguments.corpus)]
        (Path(folder) / "train.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        export_static_quantized_openvino_model(
            model,
            None,
            str(arguments.output),
            dataset_name=folder,
            dataset_config_name="default",
            dataset_split="train",
            column_name="text",
        )


if __name__ == "__main__":
    main()
