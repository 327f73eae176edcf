"""A finished dataset as a `Page`."""

from __future__ import annotations

import dataclasses

from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.measurements import Measurements
from albert_embed.pipeline.dataset.published_output import PublishedOutput, open_published_output
from albert_embed.pipeline.dataset.read_embeddings import read_failure_rows
from albert_embed.pipeline.nearest.searched_embedding import SearchedEmbedding
from albert_embed.pipeline.report.charts import count_histogram, make_shares
from albert_embed.pipeline.report.describe_vectors import make_vector_sections
from albert_embed.pipeline.report.facts import list_facts, shorten
from albert_embed.pipeline.report.page import Fact, FactTable, FailureExample, FailureGroup, HistogramSection, Page
from albert_embed.pipeline.vectors.average_tokens import AVERAGED_TOKENS, choose_looked_at
from albert_embed.pipeline.vectors.report_options import MapMethod
from albert_embed.pipeline.vectors.sample_rows import RowSample, sample_dataset
from albert_embed.transforms.steps.failure import describe_category, list_most_frequent

# Rows of the map and the pairs: 2,000 make 2 million pairs, and a page well below 2 MB.
SAMPLE_ROWS = 2000
SEED = 20190926
_EXAMPLES = 3
_MAX_EXAMPLE = 300
_MAX_CATEGORIES = 20


def describe_dataset(directory: str, *, method: MapMethod) -> Page:
    """Reads a finished dataset once, and makes a page of it.

    Args:
      directory: of the dataset.
      method: of the map.

    Raises:
      ValueError: if the method's package is missing.
      OutputError: if the directory is not a finished output, or was damaged since.
    """
    with open_published_output(directory) as output:
        manifest = output.manifest
        searched = choose_looked_at(manifest)
        sample = sample_dataset(output, searched, size=SAMPLE_ROWS, seed=SEED)
        failures = _group_failures(output)
    counts, measured = manifest.counts, manifest.measured
    max_tokens = manifest.transform.options["max_tokens"]
    return Page(
        title=f"Embeddings in {directory}",
        subtitle=f"Published {manifest.created} with {manifest.model.name}",
        headline=[
            Fact(name="documents", value=f"{counts.documents:,}"),
            Fact(name="rows", value=f"{counts.rows:,}"),
            Fact(name="tokens", value=f"{counts.tokens:,}"),
            Fact(name="failures", value=f"{counts.failures:,}"),
            *_describe_speed(measured),
        ],
        changes=_describe_changes(manifest),
        stages=make_shares({stage.replace("_", " "): seconds for stage, seconds in measured.seconds_by_stage.items()}),
        histograms=_describe_lengths(sample, max_tokens, of_documents=searched.of_documents),
        failures=failures,
        vectors=make_vector_sections(sample, _name_vectors(searched), method=method, seed=SEED),
        tables=[
            FactTable(heading="Model", facts=list_facts(manifest.model.to_dict())),
            FactTable(heading="Preprocessing", facts=list_facts(dataclasses.asdict(manifest.transform))),
            FactTable(heading="Options of the last run", facts=list_facts(manifest.options)),
            FactTable(heading="Measured", facts=list_facts({**measured.to_dict(), "seconds_by_stage": {}})),
            FactTable(heading="Versions", facts=list_facts(manifest.versions)),
        ],
    )


def _name_vectors(searched: SearchedEmbedding) -> str:
    return "the mean of sequence_output" if searched == AVERAGED_TOKENS else searched.column


def _describe_changes(manifest: Manifest) -> list[Fact]:
    """Returns nothing for a dataset of one run."""
    if manifest.changes is None or len(manifest.generations) <= 1:
        return []
    return list_facts(dataclasses.asdict(manifest.changes))


def _describe_speed(measured: Measurements) -> list[Fact]:
    """Returns nothing for a run that embedded nothing."""
    if measured.fill is None:
        return []
    return [
        Fact(name="tokens per second", value=f"{measured.useful_tokens_per_second:,.0f}"),
        Fact(name="fill", value=f"{measured.fill:.3f}"),
    ]


def _describe_lengths(sample: RowSample, max_tokens: int, *, of_documents: bool) -> list[HistogramSection]:
    if not sample.row_count:
        return []
    if of_documents:
        limit, heading = int(sample.lengths.nonzero()[0].max()), "Tokens per document"
        sentence = "Tokens of all windows of each document; tokens that windows share are counted each time."
        chart = count_histogram(sample.lengths, limit=limit, limit_label="")
    else:
        heading = "Tokens per row"
        share = 100 * sample.truncated / sample.row_count
        sentence = (
            f"{sample.truncated:,} rows ({share:.1f} %) hold only the start of their document: what came after "
            f"{max_tokens} tokens was not embedded. --long-documents window embeds all of it."
            if sample.truncated
            else f"No document was truncated at {max_tokens} tokens."
        )
        chart = count_histogram(sample.lengths, limit=max_tokens, limit_label=f"max-tokens {max_tokens}")
    return [HistogramSection(heading=heading, histogram=chart, sentence=sentence)]


def _group_failures(output: PublishedOutput) -> list[FailureGroup]:
    """Groups the failures by category, the most frequent first."""
    counts = output.manifest.failures_by_reason
    examples: dict[str, list[FailureExample]] = {category: [] for category in counts}
    for failure in read_failure_rows(output):
        found = examples.setdefault(describe_category(failure["stage"], failure["reason"]), [])
        if len(found) < _EXAMPLES:
            shown = {name: shorten(failure[name], _MAX_EXAMPLE) for name in ("id", "error", "text")}
            found.append(FailureExample(**shown))
    frequent = list_most_frequent(counts)[:_MAX_CATEGORIES]
    return [FailureGroup(category=name, count=count, examples=examples[name]) for name, count in frequent]
