"""Serves BigQuery's APIs on 127.0.0.1; run by the Python of `.venv/emulators` with bqemulator's own arguments.

bqemulator downloads DuckDB's spatial extension when it starts, and ends where it can't. Nothing here has geography.
"""

from __future__ import annotations

from bqemulator.cli import main
from bqemulator.storage.engine import DuckDBEngine

DuckDBEngine._load_spatial = lambda self: None

if __name__ == "__main__":
    main()
