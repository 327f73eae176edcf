"""Python imports this when it starts, where PYTHONPATH has this folder: for commands that tests run as processes."""

from tests.emulators.clients import use_emulators

use_emulators()
