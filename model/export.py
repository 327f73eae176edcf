"""Published weights in, the SavedModel that the pipeline hosts out, and the proof that both compute the same."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import tensorflow as tf

from albert_embed.model.config import AlbertConfig
from albert_embed.model.encoder import AlbertEncoder, Precision
from albert_embed.model.model_directory import (
    EXPORT_FILE,
    OUTPUT_NAMES,
    TOKENS_SIGNATURE,
    fingerprint_model,
    load_saved_model,
)
from albert_embed.model.published_model import NotRunnableError, PublishedModel, open_published_model
from albert_embed.model.saved_model_export import refuse_existing_output, write_saved_model
from albert_embed.transforms.directories import write_file_atomically
from albert_embed.transforms.vocabulary import Vocabulary, load_vocabulary

# The largest difference that rounding explains, between two float32 implementations of the same encoder.
_FLOAT32_TOLERANCE = 1e-4


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportReport:
    """What an export wrote and how it compares.

    Attributes:
      source_format: `tf1_hub`, `tf1_checkpoint` or `huggingface`.
      precision: what the export computes in.
      source_differences: output → largest absolute difference from the source's own program on real tokens; None where
        it could not be run.
      source_not_run: why it could not be run, else None.
      float32_differences: output → largest absolute difference from the same weights in float32.
      fingerprint: the export's fingerprint.
      notes: what a user should know of the source: what was passed over, what it lacks.
    """

    source_format: str
    precision: str
    source_differences: dict[str, float] | None
    source_not_run: str | None
    float32_differences: dict[str, float]
    fingerprint: str
    notes: tuple[str, ...]


def export_model(
    *,
    source: str,
    output: Path,
    precision: Precision = "float32",
    vocabulary_file: Path | None = None,
    cased: bool | None = None,
) -> ExportReport:
    """Exports the published model at `source` to `output`.

    Args:
      source: a directory, an archive or a TF Hub handle (`model.published_model`).
      output: the directory to write; it must not hold anything.
      precision: what the export computes in.
      vocabulary_file: the SentencePiece model, where the source does not bring its own.
      cased: whether text keeps its case; None means what the source says, else lower-cased as the releases are.

    Raises:
      ValueError: where the vocabulary is missing or does not fit, or `cased` contradicts the source.
      CheckpointError: where the weights don't fit their config.
      FileExistsError: where `output` already holds something.
      ExportMismatchError: where the float32 export does not compute what the source does.
    """
    refuse_existing_output(output)
    with open_published_model(source) as published:
        vocabulary_file = _choose_vocabulary(published, vocabulary_file)
        check_vocabulary_size(load_vocabulary(str(vocabulary_file)), vocabulary_file, published.config)
        lower_case = _choose_casing(published, cased)
        source_weights = published.read_weights()
        weights = source_weights.weights
        inputs = sample_inputs(published.config)
        exact = _run_encoder(AlbertEncoder(published.config, weights, "float32"), inputs)
        description = {
            "source": source,
            "source_format": published.format,
            "precision": precision,
            "lower_case": lower_case,
            "tensorflow": tf.__version__,
            "notes": list(source_weights.notes),
        }
        write_saved_model(
            AlbertEncoder(published.config, weights, precision),
            output,
            vocabulary_file=vocabulary_file,
            lower_case=lower_case,
            description=description,
        )
        try:
            report = _compare(published, output, inputs, exact, precision, source_weights.notes)
            if precision == "float32":
                _refuse_mismatch(report, source)
            # What the written program itself gave: the encoder run op by op rounds otherwise in bfloat16.
            measured = {**description, "float32_differences": report.float32_differences}
            write_file_atomically(str(output / EXPORT_FILE), (json.dumps(measured, indent=2) + "\n").encode())
        except BaseException:
            shutil.rmtree(output, ignore_errors=True)
            raise
    return report


class ExportMismatchError(RuntimeError):
    """An export does not compute what its source does."""


def check_vocabulary_size(vocabulary: Vocabulary, vocabulary_file: Path, config: AlbertConfig) -> None:
    """Raises ValueError where the vocabulary's size isn't the model's."""
    if vocabulary.size != config.vocab_size:
        raise ValueError(
            f"the vocabulary {vocabulary_file} has {vocabulary.size:,} pieces, the model's vocab_size is "
            f"{config.vocab_size:,}; give the vocabulary that was published with these weights"
        )


def sample_inputs(config: AlbertConfig) -> dict[str, np.ndarray]:
    """A fixed padded batch to compare programs on: four rows of different lengths, int32 `[4, seq]`, seq ≤ 128."""
    generator = np.random.default_rng(20190926)
    longest = min(config.max_position_embeddings, 128)
    lengths = np.array([longest, max(longest // 2, 2), min(5, longest), 2])
    input_mask = (np.arange(longest) < lengths[:, np.newaxis]).astype(np.int32)
    input_ids = generator.integers(0, config.vocab_size, (len(lengths), longest), dtype=np.int32) * input_mask
    segment_ids = np.where(np.arange(longest) < lengths[:, np.newaxis] // 2, 0, config.type_vocab_size - 1)
    return {
        "input_ids": input_ids,
        "input_mask": input_mask,
        "segment_ids": (segment_ids * input_mask).astype(np.int32),
    }


def largest_differences(
    outputs: dict[str, np.ndarray], expected: dict[str, np.ndarray], inputs: dict[str, np.ndarray]
) -> dict[str, float]:
    """Output → largest absolute difference, of `sequence_output` on real tokens only."""
    real = inputs["input_mask"].astype(bool)
    differences = {}
    if "pooled_output" in outputs:
        differences["pooled_output"] = float(np.abs(outputs["pooled_output"] - expected["pooled_output"]).max())
    differences["sequence_output"] = float(np.abs(outputs["sequence_output"] - expected["sequence_output"])[real].max())
    return differences


def _choose_vocabulary(published: PublishedModel, given: Path | None) -> Path:
    if given is not None:
        if not given.is_file():
            raise FileNotFoundError(f"--vocabulary {given}: there is no such file")
        own = published.vocabulary_file if published.format == "tf1_hub" else None
        if own is not None and given.read_bytes() != own.read_bytes():
            raise ValueError(
                f"--vocabulary {given} is not the vocabulary that the module itself names ({own.name}); "
                "leave --vocabulary out"
            )
        return given
    if published.vocabulary_file is None:
        raise ValueError(
            f"{published.directory} brings no SentencePiece model (30k-clean.model or spiece.model); "
            "give the one published with these weights as --vocabulary FILE"
        )
    return published.vocabulary_file


def _choose_casing(published: PublishedModel, cased: bool | None) -> bool:
    """Whether to lower-case: what the source says; else as the releases are, which is lower-cased."""
    if cased is None:
        return True if published.lower_case is None else published.lower_case
    if published.lower_case is not None and published.lower_case is cased:
        raise ValueError("--cased: the source says that its text is lower-cased; leave --cased out")
    return not cased


def _compare(
    published: PublishedModel,
    output: Path,
    inputs: dict[str, np.ndarray],
    exact: dict[str, np.ndarray],
    precision: Precision,
    notes: tuple[str, ...],
) -> ExportReport:
    """How the export in `output` compares with its source and with `exact`, the same weights in float32."""
    written = _run_saved_model(output, inputs)
    source_differences, source_not_run = None, None
    try:
        source_differences = largest_differences(written, published.run(inputs), inputs)
    except NotRunnableError as e:
        source_not_run = str(e)
    return ExportReport(
        source_format=published.format,
        precision=precision,
        source_differences=source_differences,
        source_not_run=source_not_run,
        float32_differences=largest_differences(written, exact, inputs),
        fingerprint=fingerprint_model(output),
        notes=notes,
    )


def _refuse_mismatch(report: ExportReport, source: str) -> None:
    """Raises ExportMismatchError where rounding can't explain the differences."""
    # NumPy's maximum: it is NaN where any of them is.
    worst = np.max(list((report.source_differences or report.float32_differences).values()))
    if not worst <= _FLOAT32_TOLERANCE:
        raise ExportMismatchError(
            f"the export of {source} differs from it by up to {worst:.3g} where rounding explains at most "
            f"{_FLOAT32_TOLERANCE}; it was removed again. Please report this model."
        )


def _run_encoder(encoder: AlbertEncoder, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    outputs = tf.function(encoder.encode)(*(tf.constant(value) for value in inputs.values()))
    return {name: value.numpy() for name, value in outputs.items()}


def _run_saved_model(directory: Path, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    tokens = load_saved_model(directory).signatures[TOKENS_SIGNATURE]
    outputs = tokens(**{name: tf.constant(value) for name, value in inputs.items()})
    return {name: outputs[name].numpy() for name in OUTPUT_NAMES if name in outputs}
