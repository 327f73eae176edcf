"""Exports the built-in model: `python -m albert_embed.model.export_builtin SOURCE FOLDER`, a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from albert_embed.model.export import export_model

if __name__ == "__main__":
    export_model(source=sys.argv[1], output=Path(sys.argv[2]))
