"""The precisions that an ALBERT is computed in."""

from __future__ import annotations

from typing import Literal, get_args

Precision = Literal["float32", "bfloat16", "float16"]
PRECISIONS: tuple[str, ...] = get_args(Precision)
# An export in int8 has the model for OpenVINO beside a SavedModel in float32.
ExportPrecision = Literal[Precision, "int8"]
EXPORT_PRECISIONS: tuple[str, ...] = get_args(ExportPrecision)
