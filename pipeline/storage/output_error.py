"""`OutputError`: a directory that a command names can't be used."""

from __future__ import annotations


class OutputError(ValueError):
    """A directory is not a finished output of this program, or can't be written to at present."""
