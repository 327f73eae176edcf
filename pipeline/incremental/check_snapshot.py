"""`check_snapshot`: no run deletes documents on the word of an input that can't be the whole corpus."""

from __future__ import annotations

from collections.abc import Mapping

from albert_embed.pipeline.dataset.generation import DocumentCounts
from albert_embed.pipeline.records.records import fail_file


class IncompleteSnapshotError(RuntimeError):
    """Documents would be deleted, but the input can't be the whole corpus."""


def check_snapshot(found: DocumentCounts, failures: Mapping[str, int], *, directory: str, kept: str) -> None:
    """Refuses a run that would delete documents, if its input can't be the whole corpus, as `--full-snapshot` says.

    Args:
      found: documents of the input; some are to be deleted.
      failures: "stage: reason" → how many.
      directory: the dataset's.
      kept: where the failures can be read.

    Raises:
      IncompleteSnapshotError: if the input is empty, or a file of it is broken.
    """
    broken = failures.get(fail_file("", "").category, 0)
    if broken:
        raise IncompleteSnapshotError(
            f"the input has broken files ({broken:,}), and --full-snapshot would delete documents ({found.deleted:,}) "
            "that may be in them; nothing was published. Repair the files, or leave --full-snapshot out. They are "
            f"listed in {kept}"
        )
    if not found.read:
        raise IncompleteSnapshotError(
            f"the input has no documents, and --full-snapshot would delete all that {directory} holds "
            f"({found.deleted:,}); nothing was published. If you want that, give --rebuild"
        )
