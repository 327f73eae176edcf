"""Executes a SavedModel with OpenVINO, on the CPU. It reads the very same directory that TensorFlow does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from albert_embed.model.architecture.padded_batch import mean_of_real_tokens
from albert_embed.model.directory.model_directory import (
    INPUT_NAMES,
    INT8_MODEL_FILE,
    POOLED_SIGNATURE,
    POOLED_SIGNATURE_OUTPUT,
    TOKENS_SIGNATURE,
    ModelDirectoryError,
    read_model_config,
    read_precision,
)
from albert_embed.model.directory.saved_model_graph import read_signature_outputs
from albert_embed.model.engines.compose_mapping import compose_mapping
from albert_embed.model.engines.engine import OutOfMemoryError, RowError
from albert_embed.model.engines.first_call import FirstCall
from albert_embed.model.engines.import_openvino import import_openvino
from albert_embed.model.engines.openvino_saved_model import readable_by_openvino
from albert_embed.model.engines.refuse_rows import refuse_rows
from albert_embed.transforms.process.processor_instructions import adds_int8_exactly, read_instructions
from albert_embed.transforms.rows.columns import INPUT_MASK, MEAN_OUTPUT, POOLED_OUTPUT, SEQUENCE_OUTPUT

logger = logging.getLogger(__name__)

# What is not in int8 in an int8 export is computed in bfloat16: 0.93 of the whole time with float32, no less accurate
# (benchmarks/NOTES.md).
_OPENVINO_PRECISIONS = {"float32": "f32", "bfloat16": "bf16", "float16": "f16", "int8": "bf16"}
# How many compiled operations each stream keeps. Every shape of a batch needs its own, in int8 9 MB of them for
# ALBERT-base, and OpenVINO keeps 5,000: 256 lengths of rows took 2.2 GB. Rows come sorted by length, so what is needed
# again is what was needed last: 1,000 are as fast, and take 0.5 GB (benchmarks/NOTES.md).
_CACHE_CAPACITY = 1000
# With OpenVINO 2026.4 two first calls at once hang, now and then: a run with two streams did.
_first_call = FirstCall()


class OpenVINOEngine:
    """A SavedModel in a local directory, compiled for this CPU.

    It computes in the precision of the export. Where the processor has no instructions for that, OpenVINO computes in
    float32 instead, and the log says so.

    Args:
      directory: an export or a TF1 Hub module.
      outputs: those that `run` will be asked for; None means any. For the pooled output alone an export in floating
        point has a signature that does less work.
      threads: how many to use; with None OpenVINO takes all cores.
      streams: how many batches it computes at once, each on its share of the threads.
      precision: what to compute in; None means what the export says.

    Raises:
      ImportError: if openvino is not installed.
      ModelDirectoryError: if OpenVINO can't read the model.
    """

    name = "openvino"

    def __init__(
        self,
        directory: Path,
        *,
        outputs: Collection[str] | None = None,
        threads: int | None = None,
        streams: int = 1,
        precision: str | None = None,
    ) -> None:
        try:
            openvino = import_openvino()
        except ImportError as e:
            raise ImportError(
                "--engine openvino needs the package openvino, which is not installed; "
                "install albert-embed with the extra openvino, or choose --engine tensorflow"
            ) from e

        core = openvino.Core()
        precision = precision or read_precision(directory)
        wanted = _OPENVINO_PRECISIONS[precision]
        if wanted != "f32" and wanted.upper() not in _capabilities(core):
            if precision != "int8":
                logger.warning("this CPU has no %s instructions; OpenVINO computes in float32", precision)
            wanted = "f32"
        settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": wanted,
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": streams,
            "CPU_RUNTIME_CACHE_CAPACITY": _CACHE_CAPACITY,
        }
        if precision == "int8" and not adds_int8_exactly(read_instructions()):
            logger.warning(
                "this CPU has no VNNI instructions, and sums of int8 would overflow: OpenVINO computes the int8 model "
                "in float32; a float32 export is faster here"
            )
            settings["LP_TRANSFORMS_MODE"] = "NO"
        if threads is not None:
            settings["INFERENCE_NUM_THREADS"] = threads
        try:
            if precision == "int8":
                model = core.read_model(str(directory / INT8_MODEL_FILE))
            else:
                model = read_openvino_model(directory, outputs)
                compose_mapping(model)
            self._compiled = core.compile_model(model, "CPU", settings)
        except Exception as e:  # some of the front end's errors are not even RuntimeErrors
            raise ModelDirectoryError(f"OpenVINO can't read the model in {directory}: {e}") from e
        has_pooled_alone = any(POOLED_SIGNATURE_OUTPUT in output.names for output in self._compiled.outputs)
        self._names = {POOLED_OUTPUT: POOLED_SIGNATURE_OUTPUT} if has_pooled_alone else {}
        self._thread = threading.local()
        self._config = read_model_config(directory)

    def run(self, inputs: Mapping[str, np.ndarray], outputs: Collection[str]) -> dict[str, np.ndarray]:
        """Returns the named outputs for a padded batch; see `model.engines.engine.Engine.run`."""
        refuse_rows(inputs, self._config)
        try:
            with _first_call.wait():
                results = self._infer(inputs)
        except MemoryError as e:
            raise OutOfMemoryError(str(e)) from e
        except RuntimeError as e:
            # OpenVINO has no error of its own for this, only the messages of oneDNN and C++.
            if "bad_alloc" in str(e) or "out of memory" in str(e).lower() or "failed to allocate" in str(e).lower():
                raise OutOfMemoryError(str(e)) from e
            raise RowError(str(e)) from e
        found = {name: results[self._names.get(name, name)] for name in outputs if name != MEAN_OUTPUT}
        if MEAN_OUTPUT in outputs:
            found[MEAN_OUTPUT] = mean_of_real_tokens(results[SEQUENCE_OUTPUT], inputs[INPUT_MASK])
        return found

    def _infer(self, inputs: Mapping[str, np.ndarray]) -> Any:
        if not hasattr(self._thread, "request"):  # a request serves one thread at a time
            self._thread.request = self._compiled.create_infer_request()
        return self._thread.request.infer({name: inputs[name] for name in INPUT_NAMES}, share_inputs=True)


def read_openvino_model(directory: Path, outputs: Collection[str] | None = None) -> Any:
    """Reads a signature as an OpenVINO model.

    It calls the front end itself, because `openvino.convert_model` does not take the names of outputs. These leave out
    the rest of the SavedModel: OpenVINO can't convert the variables behind the asset paths of `tokenization_info`.

    Args:
      directory: an export or a TF1 Hub module.
      outputs: as the engine is asked for them; None means all that the signature `tokens` has.
    """
    import_openvino()
    from openvino.frontend import FrontEndManager

    signature, names = _choose_signature(directory, outputs)
    front_end = FrontEndManager().load_by_framework("tf")
    with readable_by_openvino(directory, signature) as readable:
        saved_model = front_end.load(str(readable))
        saved_model.override_all_outputs([saved_model.get_place_by_tensor_name(name) for name in names])
        return front_end.convert(saved_model)


def _choose_signature(directory: Path, outputs: Collection[str] | None) -> tuple[str, list[str]]:
    """Returns the signature that gives `outputs` for the least work, and what they are made of in it."""
    if outputs is not None and set(outputs) == {POOLED_OUTPUT} and read_signature_outputs(directory, POOLED_SIGNATURE):
        return POOLED_SIGNATURE, [POOLED_SIGNATURE_OUTPUT]
    if outputs is None:
        return TOKENS_SIGNATURE, sorted(read_signature_outputs(directory, TOKENS_SIGNATURE))
    return TOKENS_SIGNATURE, sorted({SEQUENCE_OUTPUT if name == MEAN_OUTPUT else name for name in outputs})


def _capabilities(core: Any) -> list[str]:
    return list(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
