"""`ModelDirectory`: a directory that satisfies the model contract, and its description.

The contract: a SavedModel with the signatures `tokens` (`input_ids`, `input_mask`, `segment_ids`, int32
`[batch, seq]` → `pooled_output` float32 `[batch, hidden]`, `sequence_output` float32 `[batch, seq, hidden]`) and
`tokenization_info` (→ `vocab_file`, `do_lower_case`), and `albert_config.json` among its assets. The TF1 Hub modules
google/albert_*/* satisfy it as published, and so does what `albert-embed export` writes. The export of a model that was
trained without a pooler has no `pooled_output`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from albert_embed.model.architecture.config import AlbertConfig, read_config
from albert_embed.model.architecture.precision import EXPORT_PRECISIONS
from albert_embed.model.directory.foreign_model import refuse_foreign_saved_model
from albert_embed.model.directory.hub_module_assets import find_hub_asset
from albert_embed.model.directory.staged_output import UNFINISHED_FILE
from albert_embed.model.directory.stand_ins import refuse_stand_ins
from albert_embed.model.directory.wrong_model import describe_wrong_model
from albert_embed.transforms.files.json_object import read_json_object
from albert_embed.transforms.files.plain_path import plain_path
from albert_embed.transforms.rows.columns import SENTENCE_EMBEDDING
from albert_embed.transforms.text.vocabulary import COMMA_RULES, CommaRule, Vocabulary, load_vocabulary

HUB_MODULE_FILE = "tfhub_module.pb"
SAVED_MODEL_FILE = "saved_model.pb"
CONFIG_FILE = "albert_config.json"
# Among the assets of an export that gives `sentence_embedding`: how, without the weights.
SENTENCE_FILE = "sentence_modules.json"
EXPORT_FILE = "export.json"
# Of an int8 export: the model as OpenVINO has it. The SavedModel beside it has the same weights in float32.
INT8_FOLDER = "int8"
INT8_MODEL_FILE = f"{INT8_FOLDER}/model.xml"
TOKENS_SIGNATURE = "tokens"
TOKENIZATION_SIGNATURE = "tokenization_info"
# The signature that programs use by default; the same as `tokens`.
DEFAULT_SIGNATURE = "serving_default"
# Exports have this signature too: only the pooled output, for less work. Its output has a name of its own, so that the
# name still identifies the signature.
POOLED_SIGNATURE = "pooled"
POOLED_SIGNATURE_OUTPUT = "pooled_output_alone"
INPUT_NAMES = ("input_ids", "input_mask", "segment_ids")
# The outputs of the signature `tokens`: always the second; the first where the model has a pooler.
OUTPUT_NAMES = ("pooled_output", "sequence_output")
REQUIRED_OUTPUT = "sequence_output"


class ModelDirectoryError(ValueError):
    """A directory does not satisfy the model contract."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelDirectory:
    """The description of a model.

    Attributes:
      path: the directory.
      is_hub_module: whether it is a TF1 Hub module as published, rather than an export of this project.
      config: the encoder's config.
      vocabulary_file: the SentencePiece model inside the directory.
      lower_case: whether text is lower-cased for it.
      comma_rule: what becomes of a piece such as "1945,".
      max_tokens: of one model input, as the model was trained; its positions where nothing else is said.
      precision: what it computes in.
      outputs: the outputs of the signature `tokens`.
      sentence_size: width of `sentence_embedding`; 0 where there is none.
      trained_dimensions: the lengths of shortened vectors that the sentence embedding was trained for, ascending; empty
        where the model's source says nothing of it.
      fingerprint: SHA-256 over the files that determine what it computes, in hexadecimal digits.
    """

    path: Path
    is_hub_module: bool
    config: AlbertConfig
    vocabulary_file: Path
    lower_case: bool
    comma_rule: CommaRule
    max_tokens: int
    precision: str
    outputs: frozenset[str]
    sentence_size: int
    trained_dimensions: tuple[int, ...] = ()
    fingerprint: str

    def load_vocabulary(self) -> Vocabulary:
        """Reads the vocabulary, with the model's own rule for commas."""
        return load_vocabulary(str(self.vocabulary_file), comma_rule=self.comma_rule)


def load_saved_model(path: Path) -> Any:
    """Loads the SavedModel in `path`; a TF1 Hub module with the tag set for inference, which is empty.

    Raises:
      ModelDirectoryError: if it can't be loaded, or lacks a signature of the contract.
    """
    import tensorflow as tf

    tags: list[str] | None = [] if is_hub_module(path) else None
    # TensorFlow warns about every reference variable, and published TF1 modules have these.
    level = tf.get_logger().level
    try:
        tf.get_logger().setLevel("ERROR" if tags is not None else level)
        with plain_path(str(path)) as plain:
            loaded = tf.saved_model.load(plain, tags=tags)
    except (OSError, ValueError, RuntimeError, IndexError, tf.errors.OpError) as e:
        said = str(e).split("\n")[0][:300]
        raise ModelDirectoryError(
            f"{path} can't be loaded as a SavedModel: {said}; its files may be cut off or damaged: copy it again, or "
            "export it again"
        ) from e
    finally:
        tf.get_logger().setLevel(level)
    for name in (TOKENS_SIGNATURE, TOKENIZATION_SIGNATURE):
        if name not in loaded.signatures:
            raise ModelDirectoryError(
                f"{path} has no signature {name!r} (it has {sorted(loaded.signatures) or 'none'}); give an ALBERT "
                "module of TF Hub or what `albert-embed export` writes"
            )
    tokens = loaded.signatures[TOKENS_SIGNATURE]
    inputs = tokens.structured_input_signature[1]
    if set(inputs) != set(INPUT_NAMES) or REQUIRED_OUTPUT not in tokens.structured_outputs:
        raise ModelDirectoryError(
            f"the signature {TOKENS_SIGNATURE!r} of {path} maps {sorted(inputs)} to "
            f"{sorted(tokens.structured_outputs)}; the contract is {list(INPUT_NAMES)} to {list(OUTPUT_NAMES)}"
        )
    return loaded


def is_hub_module(path: Path) -> bool:
    """Returns whether `path` holds a module in the TF1 Hub format."""
    return (path / HUB_MODULE_FILE).exists()


def open_model_directory(path: Path) -> ModelDirectory:
    """Reads the description of the model in the local directory `path`.

    Raises:
      ModelDirectoryError: if it does not satisfy the contract; the message says why. ForeignModelError, StandInError:
      if it is known to be another model, or a file is only in the place of the real one.
    """
    if not (path / SAVED_MODEL_FILE).exists():
        raise ModelDirectoryError(describe_wrong_model(path))
    if (path / UNFINISHED_FILE).exists():
        raise ModelDirectoryError(
            f"{path} is left of an export that was stopped before its proof; remove it and export again"
        )
    refuse_stand_ins(path)
    refuse_foreign_saved_model(path)
    loaded = load_saved_model(path)
    information = loaded.signatures[TOKENIZATION_SIGNATURE]()
    if is_hub_module(path):
        vocabulary_file = find_hub_asset(path, TOKENIZATION_SIGNATURE, "vocab_file")
    else:
        vocabulary_file = Path(os.fsdecode(information["vocab_file"].numpy()))
    if vocabulary_file is None or not vocabulary_file.exists():
        raise ModelDirectoryError(
            f"the signature {TOKENIZATION_SIGNATURE!r} of {path} names no vocabulary among its assets "
            f"(found {vocabulary_file}); was the directory copied whole?"
        )
    config = read_model_config(path)
    precision = read_precision(path)
    if precision == "int8" and not (path / INT8_MODEL_FILE).exists():
        raise ModelDirectoryError(
            f"{path} is an int8 export and lacks {INT8_MODEL_FILE}; was the directory copied whole?"
        )
    outputs = loaded.signatures[TOKENS_SIGNATURE].structured_outputs
    comma_rule, max_tokens = _read_tokenization(information)
    return ModelDirectory(
        path=path,
        is_hub_module=is_hub_module(path),
        config=config,
        vocabulary_file=vocabulary_file,
        lower_case=bool(information["do_lower_case"].numpy()),
        comma_rule=comma_rule,
        max_tokens=max_tokens or config.max_position_embeddings,
        precision=precision,
        outputs=frozenset(outputs),
        sentence_size=outputs[SENTENCE_EMBEDDING].shape[-1] if SENTENCE_EMBEDDING in outputs else 0,
        trained_dimensions=_read_trained_dimensions(path),
        fingerprint=fingerprint_model(path),
    )


def _read_tokenization(information: Mapping[str, Any]) -> tuple[CommaRule, int]:
    """Returns the comma rule and the limit of tokens, or 0, that the signature says; published modules say neither.

    Raises:
      ModelDirectoryError: if the rule is unknown: a later version wrote the export.
    """
    if "comma_rule" not in information:
        return "albert", 0
    rule = information["comma_rule"].numpy().decode()
    if rule not in COMMA_RULES:
        raise ModelDirectoryError(f"the model's comma rule is {rule!r}; this version knows {', '.join(COMMA_RULES)}")
    return rule, int(information["max_tokens"].numpy())


def read_model_config(path: Path) -> AlbertConfig:
    """Returns the config of the model in `path`.

    Raises:
      ModelDirectoryError: if it has none.
    """
    config_file = path / "assets" / CONFIG_FILE
    if not config_file.exists():
        raise ModelDirectoryError(f"{path} lacks assets/{CONFIG_FILE}, which says what shape the model has")
    return read_config(config_file, "tf1")


def read_precision(path: Path) -> str:
    """Returns the precision of the model in `path`: as its export says; published modules compute in float32.

    Raises:
      ModelDirectoryError: if the export says something else than a precision.
    """
    precision = _read_description(path).get("precision", "float32")
    if precision not in EXPORT_PRECISIONS:
        known = f"this version knows {', '.join(EXPORT_PRECISIONS)}"
        raise _make_description_error(path, "precision", precision, known)
    return str(precision)


def _read_trained_dimensions(path: Path) -> tuple[int, ...]:
    dimensions = _read_description(path).get("trained_dimensions", [])
    if not isinstance(dimensions, list) or not all(type(size) is int and size > 0 for size in dimensions):
        raise _make_description_error(path, "trained_dimensions", dimensions, "they are a list of positive integers")
    return tuple(dimensions)


def _make_description_error(path: Path, name: str, value: object, known: str) -> ModelDirectoryError:
    return ModelDirectoryError(
        f"{path / EXPORT_FILE} has {name} {value!r}, and {known}; it was changed, or a later version wrote it: export "
        "the model again"
    )


def _read_description(path: Path) -> dict[str, Any]:
    """Returns the content of `export.json`; an empty dict for a published module."""
    try:
        return read_json_object(path / EXPORT_FILE)
    except FileNotFoundError:
        return {}
    except ValueError as e:
        raise ModelDirectoryError(f"{e}; was the directory copied whole? Else export the model again") from e


def fingerprint_model(path: Path) -> str:
    """Returns the SHA-256 over names and contents of graph, variables, assets and int8 in `path`, in name order."""
    digest = hashlib.sha256()
    folders = (path / "variables", path / "assets", path / INT8_FOLDER)
    files = [path / SAVED_MODEL_FILE, *(file for folder in folders for file in folder.rglob("*"))]
    for file in sorted(file for file in files if file.is_file()):
        digest.update(file.relative_to(path).as_posix().encode() + b"\0")
        digest.update(file.stat().st_size.to_bytes(8, "big"))
        with file.open("rb") as content:
            while block := content.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def check_fingerprint(path: Path, name: str, sha256: str) -> None:
    """Checks that a model is the one that is wanted, before anything of it is executed.

    Args:
      path: its directory.
      name: as the user named it.
      sha256: the fingerprint that it must have.

    Raises:
      ModelDirectoryError: if it has another.
    """
    found = fingerprint_model(path)
    if found != sha256.lower():
        raise ModelDirectoryError(
            f"the model {name} has the fingerprint {found}, and --model-sha256 is {sha256}; it is another model, or it "
            "was changed"
        )
