"""`write_report`: the page of a directory, whether it holds a dataset or an analysis."""

from __future__ import annotations

import dataclasses
import posixpath

from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.analysis.corpus_report import ANALYSIS_FILE, read_corpus_report
from albert_embed.pipeline.console.interruption import say_if_interrupted
from albert_embed.pipeline.dataset.layout import MANIFEST_FILE
from albert_embed.pipeline.dataset.published_output import open_published_output
from albert_embed.pipeline.dataset.versions import list_versions
from albert_embed.pipeline.report.describe_analysis import describe_analysis
from albert_embed.pipeline.report.describe_dataset import SEED, describe_dataset
from albert_embed.pipeline.report.render_page import write_page
from albert_embed.pipeline.storage.output_error import OutputError
from albert_embed.pipeline.vectors.average_tokens import choose_looked_at
from albert_embed.pipeline.vectors.project_vectors import check_map_method
from albert_embed.pipeline.vectors.report_options import DEFAULT_ATLAS_ROWS, ReportOptions
from albert_embed.pipeline.vectors.sample_rows import sample_dataset
from albert_embed.pipeline.vectors.write_atlas import AtlasFile, write_atlas
from albert_embed.pipeline.writers.check_writable import check_file_writable

PAGE_FILE = "report.html"


@dataclasses.dataclass(frozen=True, kw_only=True)
class WrittenReport:
    """A page that was written.

    Attributes:
      path: where it is.
      bytes: its size.
      atlas: the file for Embedding Atlas; None where none was asked for.
    """

    path: str
    bytes: int
    atlas: AtlasFile | None = None


def write_report(options: ReportOptions) -> WrittenReport:
    """Writes the page of a directory, and the file for Embedding Atlas.

    Raises:
      OutputError: if the directory is neither a finished output nor a finished analysis, or was damaged since.
      ValueError: if it holds an analysis, and a map or a file of vectors is asked for, or if the package for the map is
        missing.
      OSError: if a file can't be written.
    """
    directory = options.directory
    check_map_method(options.map)
    manifest = posixpath.join(directory, MANIFEST_FILE)
    holds_dataset = FileSystems.exists(manifest) or bool(list_versions(directory.rstrip("/")))
    if not holds_dataset and not FileSystems.exists(posixpath.join(directory, ANALYSIS_FILE)):
        raise OutputError(
            f"{directory} holds neither {MANIFEST_FILE} nor {ANALYSIS_FILE}: give the directory of a finished output "
            "or of a finished analysis"
        )
    target = options.output or posixpath.join(directory, PAGE_FILE)
    check_file_writable(target, named="--output")
    if holds_dataset:
        if options.atlas is not None:
            check_file_writable(options.atlas, named="--atlas")
        page = describe_dataset(directory, method=options.map)
        written = write_page(page, target)
        if options.atlas is not None:
            say_if_interrupted(lambda: f"{target} is written, {options.atlas} is not; run the same command again")
        return WrittenReport(path=target, bytes=written, atlas=_write_atlas(options))
    if options.atlas is not None or options.map != "pca":
        raise ValueError(f"{directory} holds an analysis, which has no vectors; leave out --map and --atlas")
    page = describe_analysis(read_corpus_report(directory), directory)
    return WrittenReport(path=target, bytes=write_page(page, target))


def _write_atlas(options: ReportOptions) -> AtlasFile | None:
    if options.atlas is None:
        return None
    with open_published_output(options.directory) as output:
        searched = choose_looked_at(output.manifest)
        size = DEFAULT_ATLAS_ROWS if options.atlas_rows is None else options.atlas_rows
        sample = sample_dataset(output, searched, size=size, seed=SEED)
    return write_atlas(sample, options.atlas, method=options.map, seed=SEED, vectors=options.atlas_vectors)
