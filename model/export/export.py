"""Exports published weights as the SavedModel that the pipeline hosts, and proves that both compute the same."""

from __future__ import annotations

import dataclasses
import importlib.metadata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from albert_embed.model.architecture.config import AlbertConfig
from albert_embed.model.architecture.encoder import AlbertEncoder
from albert_embed.model.architecture.precision import ExportPrecision, Precision
from albert_embed.model.architecture.sample_batch import make_sample_batch
from albert_embed.model.architecture.weights import EncoderWeights
from albert_embed.model.directory.foreign_model import SENTENCEPIECE_FILES
from albert_embed.model.directory.model_directory import fingerprint_model
from albert_embed.model.directory.staged_output import stage_output
from albert_embed.model.export.calibration import CalibrationBatches, make_calibration_batches
from albert_embed.model.export.int8_proof import Int8Proof, prove_int8
from albert_embed.model.export.int8_quantization import require_nncf, write_int8_model
from albert_embed.model.export.model_card import find_license, write_model_card
from albert_embed.model.export.proof import ExportProver, Proof
from albert_embed.model.export.saved_model_export import Tokenization, save_encoder, write_description
from albert_embed.model.published.published_model import PublishedModel, open_published_model
from albert_embed.model.vocabulary.source_tokenizer import VOCABULARY_NAMES
from albert_embed.transforms.text.vocabulary import CommaRule, Vocabulary, load_vocabulary


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportReport:
    """The result of an export, and how it compares; `export.json` says the same.

    Attributes:
      source: the name of what was exported.
      source_format: `tf1_hub`, `tf1_checkpoint` or `huggingface`.
      license: the source's licence, where it names one.
      precision: what the export computes in.
      lower_case: whether text is lower-cased for it.
      comma_rule: what becomes of a piece such as "1945,".
      vocabulary_sha256: of the SentencePiece model.
      trained_dimensions: the lengths of shortened vectors that the source says it was trained for, ascending.
      proof: how it agrees with its source; of an int8 export, how its SavedModel does, which is in float32.
      fingerprint: the export's fingerprint.
      notes: what a user should know about the source: what was skipped, what it lacks.
      versions: of this project and of TensorFlow.
      int8: how an int8 export agrees with its SavedModel; None for others.
    """

    source: str
    source_format: str
    license: str | None
    precision: ExportPrecision
    lower_case: bool
    comma_rule: CommaRule
    vocabulary_sha256: str
    trained_dimensions: tuple[int, ...]
    proof: Proof
    fingerprint: str
    notes: tuple[str, ...]
    versions: dict[str, str]
    int8: Int8Proof | None = None

    @property
    def accepted_errors(self) -> tuple[str, ...]:
        """What exceeds its bound and was accepted with --accept-error."""
        return (*self.proof.accepted_errors, *(self.int8.accepted_errors if self.int8 else ()))

    def to_json(self) -> dict[str, Any]:
        """Returns the content of `export.json`."""
        return dataclasses.asdict(self)


def export_model(
    *,
    source: str,
    output: Path,
    precision: ExportPrecision = "float32",
    vocabulary_file: Path | None = None,
    cased: bool | None = None,
    comma_rule: CommaRule | None = None,
    accept_error: bool = False,
    calibration_texts: Sequence[bytes] = (),
) -> ExportReport:
    """Exports the published model at `source` to `output`.

    Args:
      source: a directory, an archive or a TF Hub handle (`model.published.published_model`).
      output: the directory to write; it must not hold anything. It appears when the proof has passed.
      precision: what the export computes in.
      vocabulary_file: the SentencePiece model, where the source has none.
      cased: whether text keeps its case; None means what the source says, else lower-cased as the releases are.
      comma_rule: what becomes of a piece such as "1945,"; None means what the source's tokenizer does.
      accept_error: whether to write an export that differs by more than rounding explains, or whose source's program
        fails; the report and `export.json` say so.
      calibration_texts: for int8, UTF-8 texts like those that will be embedded; some are kept to measure the result.

    Raises:
      ImportError: if int8 is wanted and NNCF is not installed.
      ValueError: if there are texts without int8, or too few with it; if the vocabulary is missing or does not fit,
        or `cased` contradicts the source.
      FileNotFoundError: if there is no `vocabulary_file`.
      CheckpointError: if the weights don't fit their config.
      FileExistsError: if `output` already holds something.
      ExportMismatchError: if the export does not compute what the source does.
      SourceProgramError: if the source's own program fails.
    """
    _check_options(precision, vocabulary_file, calibration_texts)
    stored: Precision = "float32" if precision == "int8" else precision
    with (
        stage_output(output) as staged,
        open_published_model(source, vocabulary_file=vocabulary_file) as published,
    ):
        tokenization = _choose_tokenization(published, vocabulary_file, cased=cased, comma_rule=comma_rule)
        vocabulary = load_vocabulary(str(tokenization.vocabulary_file), comma_rule=tokenization.comma_rule)
        check_vocabulary_size(vocabulary, tokenization.vocabulary_file, published.config)
        lower_case = tokenization.lower_case
        batches = None
        if precision == "int8":
            max_tokens = published.max_tokens or published.config.max_position_embeddings
            batches = make_calibration_batches(
                calibration_texts, vocabulary, lower_case=lower_case, max_tokens=max_tokens
            )
        read = published.read_weights()
        save_encoder(_make_encoder(published, read, stored), staged, tokenization=tokenization)
        sample = make_sample_batch(vocabulary, published.config, lower_case=lower_case)
        prover = ExportProver(published, sample, precision=stored, accept_error=accept_error)
        proof = prover.prove(_make_encoder(published, read, "float32"), staged)
        int8 = None if batches is None else _write_int8(staged, batches, accept_error=accept_error)
        report = ExportReport(
            source=source,
            source_format=published.format,
            license=find_license(published.directory),
            precision=precision,
            lower_case=lower_case,
            comma_rule=tokenization.comma_rule,
            vocabulary_sha256=vocabulary.fingerprint,
            trained_dimensions=published.trained_dimensions,
            proof=proof,
            int8=int8,
            fingerprint=fingerprint_model(staged),
            notes=(*read.notes, *published.tokenizer.notes),
            versions={"albert-embed": importlib.metadata.version("albert-embed"), "tensorflow": tf.__version__},
        )
        write_description(staged, report.to_json())
        write_model_card(staged, report)
    return report


def _check_options(
    precision: ExportPrecision, vocabulary_file: Path | None, calibration_texts: Sequence[bytes]
) -> None:
    if precision == "int8":
        require_nncf()
    elif calibration_texts:
        raise ValueError(f"--calibration-texts are for --precision int8 alone, not {precision}; leave them out")
    if vocabulary_file is not None and not vocabulary_file.is_file():
        raise FileNotFoundError(f"--vocabulary {vocabulary_file}: there is no such file")


def _choose_tokenization(
    published: PublishedModel, vocabulary_file: Path | None, *, cased: bool | None, comma_rule: CommaRule | None
) -> Tokenization:
    """Returns how text is cut for the export: as the options say, else as the source does."""
    return Tokenization(
        vocabulary_file=_choose_vocabulary(published, vocabulary_file),
        lower_case=_choose_casing(published, cased),
        comma_rule=comma_rule or published.tokenizer.comma_rule,
        max_tokens=published.max_tokens,
    )


def _make_encoder(published: PublishedModel, read: EncoderWeights, precision: Precision) -> AlbertEncoder:
    return AlbertEncoder(published.config, read.weights, precision, sentence=published.sentence)


def _write_int8(staged: Path, batches: CalibrationBatches, *, accept_error: bool) -> Int8Proof:
    write_int8_model(staged, batches.calibration)
    return prove_int8(staged, batches, accept_error=accept_error)


def check_vocabulary_size(vocabulary: Vocabulary, vocabulary_file: Path, config: AlbertConfig) -> None:
    """Raises ValueError if the vocabulary's size isn't the model's."""
    if vocabulary.size != config.vocab_size:
        raise ValueError(
            f"the vocabulary {vocabulary_file} has {vocabulary.size:,} pieces, the model's vocab_size is "
            f"{config.vocab_size:,}; give the vocabulary that was published with these weights"
        )


def _choose_vocabulary(published: PublishedModel, given: Path | None) -> Path:
    own = published.tokenizer.vocabulary_file
    if own is None:
        others = sorted(file for pattern in SENTENCEPIECE_FILES for file in published.directory.glob(pattern))
        raise ValueError(
            f"{published.directory} has no SentencePiece model ({' or '.join(VOCABULARY_NAMES)}); "
            "give the one published with these weights as --vocabulary FILE"
            + "".join(f", perhaps {file}" for file in others[:1])
        )
    if given is not None and published.format == "tf1_hub" and given.read_bytes() != own.read_bytes():
        raise ValueError(
            f"--vocabulary {given} is not the vocabulary that the module itself names ({own.name}); "
            "leave --vocabulary out"
        )
    return own


def _choose_casing(published: PublishedModel, cased: bool | None) -> bool:
    """Returns whether to lower-case: as the source says, else yes, as for the releases."""
    if cased is None:
        return True if published.tokenizer.lower_case is None else published.tokenizer.lower_case
    if published.tokenizer.lower_case is not None and published.tokenizer.lower_case is cased:
        raise ValueError("--cased: the source says that its text is lower-cased; leave --cased out")
    return not cased
