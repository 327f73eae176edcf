"""What a directory is reported as, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from albert_embed.pipeline.analysis.corpus_report import ANALYSIS_FILE
from albert_embed.pipeline.report.write_report import write_report
from albert_embed.pipeline.storage.output_error import OutputError
from albert_embed.pipeline.vectors.report_options import ReportOptions


@pytest.mark.parametrize("wanted", [{"map": "tsne"}, {"atlas": "atlas.parquet"}], ids=["map", "atlas"])
def test_an_analysis_has_no_vectors(tmp_path: Path, wanted: dict[str, str]) -> None:
    (tmp_path / ANALYSIS_FILE).write_text("{}")
    with pytest.raises(ValueError, match=r"holds an analysis, which has no vectors; leave out --map and --atlas$"):
        write_report(ReportOptions(directory=str(tmp_path), **wanted))  # type: ignore[arg-type]


def test_anything_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"holds neither manifest\.json nor analysis\.json: give the directory of a"):
        write_report(ReportOptions(directory=str(tmp_path)))
