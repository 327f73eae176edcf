"""`load_program`: a StableHLO program of TensorFlow's as a function that JAX compiles and runs."""

from __future__ import annotations

import dataclasses
import gzip
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
from jax.export import Exported


def load_program(
    path: Path, outputs: Sequence[jax.ShapeDtypeStruct], arguments: Sequence[jax.ShapeDtypeStruct]
) -> Callable[..., Any]:
    """Returns the program in the gzipped file `path`, for `jax.jit`.

    JAX can only call what it exported itself, so the program is put into the form of such an export.
    """
    from jax._src.interpreters import mlir
    from jaxlib.mlir import ir
    from jaxlib.mlir.dialects import stablehlo

    with mlir.make_ir_context():
        module = ir.Module.parse(gzip.decompress(path.read_bytes()).decode())
        artifact = stablehlo.serialize_portable_artifact(module, stablehlo.get_current_version())
    taken = tuple(jax.core.ShapedArray(value.shape, value.dtype) for value in arguments)
    given = tuple(jax.core.ShapedArray(value.shape, value.dtype) for value in outputs)
    # JAX 0.10 has one more field.
    fields = {field.name for field in dataclasses.fields(Exported)}
    more: dict[str, Any] = {"_has_named_shardings": False} if "_has_named_shardings" in fields else {}
    exported = Exported(
        fun_name="exported",
        in_tree=jax.tree.structure((tuple(arguments), {})),
        in_avals=taken,
        out_tree=jax.tree.structure(tuple(outputs)),
        out_avals=given,
        in_shardings_hlo=(None,) * len(taken),
        out_shardings_hlo=(None,) * len(given),
        nr_devices=1,
        platforms=("cuda" if jax.default_backend() == "gpu" else jax.default_backend(),),
        ordered_effects=(),
        unordered_effects=(),
        disabled_safety_checks=(),
        mlir_module_serialized=artifact,
        calling_convention_version=jax.export.maximum_supported_calling_convention_version,
        module_kept_var_idx=tuple(range(len(taken))),
        uses_global_constants=False,
        _get_vjp=None,
        _in_named_shardings=(None,) * len(taken),
        _out_named_shardings=(None,) * len(given),
        **more,
    )
    call: Callable[..., Any] = exported.call
    return call
