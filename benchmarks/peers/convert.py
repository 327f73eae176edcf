"""Converts the Hugging Face model to what ONNX Runtime and OpenVINO run; not part of any measurement.

`--output` gets `model.onnx` (as exported), `optimized.onnx` (through ONNX Runtime's transformer optimizer), `int8.onnx`
(the same through its dynamic quantisation, which needs no texts), and `model.xml` with `model.bin` (OpenVINO, float32).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import onnx
import openvino
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer
from onnxruntime.transformers.fusion_options import FusionOptions
from transformers import AlbertModel

from benchmarks.outcome import print_report

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_OUTPUTS = ("last_hidden_state", "pooler_output")


class _Tokens(torch.nn.Module):  # type: ignore[misc]
    """The model with positional inputs and a tuple of outputs."""

    def __init__(self, model: AlbertModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns `last_hidden_state` and `pooler_output`."""
        outputs = self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
        return outputs.last_hidden_state, outputs.pooler_output


def _example_inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Returns a padded batch: without padding, the mask would be traced away."""
    input_ids = torch.arange(10, 10 + 3 * 16).reshape(3, 16)
    attention_mask = torch.ones_like(input_ids)
    attention_mask[1, 9:] = 0
    return input_ids, attention_mask, torch.zeros_like(input_ids)


def export_onnx(model: _Tokens, path: Path) -> None:
    """Writes `model` as ONNX, with free batch size and length."""
    axes = {0: "batch", 1: "sequence"}
    torch.onnx.export(
        model,
        _example_inputs(),
        str(path),
        input_names=list(_INPUTS),
        output_names=list(_OUTPUTS),
        dynamic_axes={**{name: axes for name in (*_INPUTS, _OUTPUTS[0])}, _OUTPUTS[1]: {0: "batch"}},
        opset_version=17,
        dynamo=False,  # the optimizer's fusions look for the patterns of this exporter
    )


def optimize_onnx(source: Path, target: Path, heads: int, hidden_size: int) -> dict[str, int]:
    """Runs ONNX Runtime's transformer optimizer, and returns how often it made each fusion."""
    options = FusionOptions("bert")
    optimized = optimizer.optimize_model(
        str(source), model_type="bert", num_heads=heads, hidden_size=hidden_size, optimization_options=options
    )
    optimized.save_model_to_file(str(target))
    fused: dict[str, int] = optimized.get_fused_operator_statistics()
    return fused


def convert_openvino(model: _Tokens, path: Path) -> None:
    """Writes `model` as OpenVINO's IR, float32, with free batch size and length."""
    inputs = dict(zip(_INPUTS, _example_inputs(), strict=True))
    converted = openvino.convert_model(model, example_input=inputs)
    for name, source in zip(_INPUTS, converted.inputs, strict=True):
        source.get_node().set_friendly_name(name)
        source.get_tensor().set_names({name})
        source.get_node().set_partial_shape(openvino.PartialShape([-1, -1]))
    converted.validate_nodes_and_infer_types()
    openvino.save_model(converted, str(path), compress_to_fp16=False)


def main() -> None:
    """Converts the model that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    # "eager": the attention that the optimizer knows; what runs in the end is ONNX Runtime's own.
    eager = AlbertModel.from_pretrained(arguments.model, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad():
        export_onnx(_Tokens(eager), arguments.output / "model.onnx")
    fused = optimize_onnx(
        arguments.output / "model.onnx",
        arguments.output / "optimized.onnx",
        eager.config.num_attention_heads,
        eager.config.hidden_size,
    )
    quantize_dynamic(
        arguments.output / "optimized.onnx",
        arguments.output / "int8.onnx",
        per_channel=True,
        weight_type=QuantType.QInt8,
        # It does not know what the optimizer's own operators give; all of it is float32.
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )
    sdpa = AlbertModel.from_pretrained(arguments.model, dtype=torch.float32, attn_implementation="sdpa").eval()
    with torch.no_grad():
        convert_openvino(_Tokens(sdpa), arguments.output / "model.xml")
    print_report({"fused": fused})


if __name__ == "__main__":
    main()
