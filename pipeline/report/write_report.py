"""`write_report`: the page of a directory, whether it holds a dataset or an analysis."""

from __future__ import annotations

import dataclasses
import posixpath

from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.analysis.corpus_report import ANALYSIS_FILE, read_corpus_report
from albert_embed.pipeline.dataset.layout import MANIFEST_FILE
from albert_embed.pipeline.report.describe_analysis import describe_analysis
from albert_embed.pipeline.report.describe_dataset import describe_dataset
from albert_embed.pipeline.report.render_page import write_page
from albert_embed.pipeline.storage.output_error import OutputError

PAGE_FILE = "report.html"


@dataclasses.dataclass(frozen=True, kw_only=True)
class WrittenReport:
    """A page that was written: where it is, and its size in bytes."""

    path: str
    bytes: int


def write_report(directory: str, path: str | None = None) -> WrittenReport:
    """Writes the page of a directory.

    Args:
      directory: a finished output or a finished analysis, on any file system that Beam knows.
      path: of the page; None means `report.html` in the directory.

    Raises:
      OutputError: if the directory is neither, or was damaged since.
      OSError: if the page can't be written.
    """
    if FileSystems.exists(posixpath.join(directory, MANIFEST_FILE)):
        page = describe_dataset(directory)
    elif FileSystems.exists(posixpath.join(directory, ANALYSIS_FILE)):
        page = describe_analysis(read_corpus_report(directory), directory)
    else:
        raise OutputError(
            f"{directory} holds neither {MANIFEST_FILE} nor {ANALYSIS_FILE}: give the directory of a finished output "
            "or of a finished analysis"
        )
    target = path or posixpath.join(directory, PAGE_FILE)
    return WrittenReport(path=target, bytes=write_page(page, target))
