"""`InputFile`: a file of the input, and what shows whether it has changed since another run."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

from apache_beam.io.filesystems import FileSystems


@dataclasses.dataclass(frozen=True, kw_only=True, order=True)
class InputFile:
    """One file that `--input` names.

    Attributes:
      path: where it is.
      bytes: its size.
      modified: when it was last written, seconds since 1970; 0 where the file system does not say.
      repeat: how often the patterns have named the file before; it is read each time.
    """

    path: str
    bytes: int
    modified: float
    repeat: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return dataclasses.asdict(self)


def list_input_files(patterns: Sequence[str]) -> list[InputFile]:
    """Lists all files that the patterns match, in the order of their paths.

    Raises:
      FileNotFoundError: if a pattern matches none.
    """
    files: list[InputFile] = []
    seen: Counter[str] = Counter()
    for pattern, match in zip(patterns, FileSystems.match(list(patterns)), strict=True):
        if not match.metadata_list:
            raise FileNotFoundError(f"--input {pattern} matches no files; give a path or a glob that does")
        for found in match.metadata_list:
            files.append(
                InputFile(
                    path=found.path,
                    bytes=found.size_in_bytes,
                    modified=float(found.last_updated_in_seconds or 0),
                    repeat=seen[found.path],
                )
            )
            seen[found.path] += 1
    return sorted(files)
