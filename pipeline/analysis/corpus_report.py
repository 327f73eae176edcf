"""`CorpusReport`: the content of `analysis.json`. It is written last: without it, an analysis is not finished."""

from __future__ import annotations

import dataclasses
import json
import posixpath
from typing import Any

from albert_embed.pipeline.analysis.embed_plan import EmbedPlan
from albert_embed.pipeline.dataset.provenance import ModelProvenance, TransformProvenance
from albert_embed.pipeline.storage.output_error import OutputError
from albert_embed.transforms.files.directories import read_file

ANALYSIS_FILE = "analysis.json"
FORMAT_VERSION = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class AnalysedCorpus:
    """Which files were analysed.

    Attributes:
      patterns: of `--input`.
      format: how they were read.
      files: how many there are.
      bytes: of them.
      files_read: how many were read now.
      files_from_cache: how many were known from the cache.
    """

    patterns: list[str]
    format: str
    files: int
    bytes: int
    files_read: int
    files_from_cache: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class CorpusFailures:
    """The records that are no documents.

    Attributes:
      count: how many there are.
      by_reason: category → how many.
      file: the name of the file that lists them, empty until that is published.
    """

    count: int
    by_reason: dict[str, int]
    file: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class AnalysisMeasurements:
    """What the analysis itself took.

    Attributes:
      start_seconds: until it began to read.
      pipeline_seconds: of reading and counting.
      documents_read: those of files that were read now.
      counters: name → value (`transforms.steps.metrics`).
    """

    start_seconds: float
    pipeline_seconds: float
    documents_read: int
    counters: dict[str, int]


@dataclasses.dataclass(frozen=True, kw_only=True)
class CorpusReport:
    """The result of an analysis.

    Attributes:
      created: when it was published, UTC, ISO 8601.
      corpus: which files were analysed.
      model: which model it is for.
      transform: the graph beside it.
      statistics: `transforms.corpus.corpus_statistics.CorpusStatistics`, as plain values.
      failures: the records that are no documents.
      plan: what the embedding will take; None where none was asked for.
      options: the options of the run.
      measured: what the analysis itself took.
      versions: of this program and the libraries that shape the result.
    """

    created: str
    corpus: AnalysedCorpus
    model: ModelProvenance
    transform: TransformProvenance
    statistics: dict[str, Any]
    failures: CorpusFailures
    plan: EmbedPlan | None
    options: dict[str, Any]
    measured: AnalysisMeasurements
    versions: dict[str, str]
    format_version: int = FORMAT_VERSION

    def with_failures(self, file: str) -> CorpusReport:
        """Returns the same with the name of the failures file."""
        return dataclasses.replace(self, failures=dataclasses.replace(self.failures, file=file))

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return {
            **dataclasses.asdict(self),
            "model": self.model.to_dict(),
            "plan": None if self.plan is None else self.plan.to_dict(),
        }

    def to_json(self) -> str:
        """Returns JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"


def read_corpus_report(directory: str) -> CorpusReport:
    """Returns the report of the finished analysis in `directory`.

    Raises:
      OutputError: if there is none, or it is not of this program.
    """
    path = posixpath.join(directory, ANALYSIS_FILE)
    try:
        fields = json.loads(read_file(path))
        if fields["format_version"] != FORMAT_VERSION:
            raise OutputError(
                f"{path} has format_version {fields['format_version']}, this program reads {FORMAT_VERSION}"
            )
        typed = {
            "corpus": AnalysedCorpus(**fields["corpus"]),
            "failures": CorpusFailures(**fields["failures"]),
            "measured": AnalysisMeasurements(**fields["measured"]),
            "model": ModelProvenance(**fields["model"]),
            "transform": TransformProvenance(**fields["transform"]),
            "plan": None if fields["plan"] is None else EmbedPlan.from_dict(fields["plan"]),
        }
        return CorpusReport(**{**fields, **typed})
    except FileNotFoundError as e:
        raise OutputError(f"{directory} holds no {ANALYSIS_FILE}: it is not a finished analysis") from e
    except (json.JSONDecodeError, KeyError, TypeError) as e:
        raise OutputError(f"{path} is not the report of an analysis: {e!r}") from e
