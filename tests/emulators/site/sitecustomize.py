"""Python imports this when it starts, where PYTHONPATH has this folder: for commands that tests run as processes."""

import sys
from pathlib import Path

# Before all else: a library brings a package `tests` of its own. And not for longer than needed: in the repository's
# root lie second copies of the package's modules.
ROOT = str(Path(__file__).resolve().parents[3])
sys.path.insert(0, ROOT)
try:
    from tests.emulators.clients import use_emulators
finally:
    sys.path.remove(ROOT)

use_emulators()
