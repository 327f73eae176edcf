"""`python -m albert_embed.model.export.export_builtin SOURCE FOLDER` exports the built-in model."""

from __future__ import annotations

import sys
from pathlib import Path

from albert_embed.model.export.export import export_model

if __name__ == "__main__":
    export_model(source=sys.argv[1], output=Path(sys.argv[2]))
