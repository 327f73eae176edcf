"""`note_openvino_settings`: what OpenVINO is told when a model is compiled."""

from __future__ import annotations

from typing import Any

import pytest


def note_openvino_settings(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Returns a dict that gets the settings of each model that is compiled from now on."""
    openvino = pytest.importorskip("openvino")
    told: dict[str, Any] = {}
    compile_model = openvino.Core.compile_model

    def note(core: Any, model: Any, device: str, settings: dict[str, Any]) -> Any:
        told.update(settings)
        return compile_model(core, model, device, settings)

    monkeypatch.setattr(openvino.Core, "compile_model", note)
    return told
