"""`ReadDocuments`: the files of the input to documents and failures."""

from __future__ import annotations

import apache_beam as beam

from pipeline.documents import JsonFields, ParseJsonLines, ParseTextLines
from pipeline.embed_options import EmbedOptions
from pipeline.line_source import LineSource


class ReadDocuments(beam.PTransform):
    """The files of the input → `{"documents": RecordBatches, "failures": Failures}`."""

    def __init__(self, sources: list[LineSource], fields: JsonFields | None) -> None:
        super().__init__()
        self._sources = sources
        self._fields = fields

    def expand(self, pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
        lines = [
            pipeline | f"ReadLines{number}" >> beam.io.Read(source) for number, source in enumerate(self._sources)
        ] | "AllLines" >> beam.Flatten()
        if self._fields is None:
            nothing = pipeline | "NoFailures" >> beam.Create([])
            return {"documents": lines | "ParseTextLines" >> beam.ParDo(ParseTextLines()), "failures": nothing}
        parsed = lines | "ParseJsonLines" >> beam.ParDo(ParseJsonLines(self._fields)).with_outputs(
            ParseJsonLines.FAILURES, main="documents"
        )
        return {"documents": parsed["documents"], "failures": parsed[ParseJsonLines.FAILURES]}


def make_read_documents(options: EmbedOptions) -> ReadDocuments:
    """The step that reads the input which `options` name.

    Raises:
      OSError: where a pattern matches nothing.
    """
    sources = [LineSource(pattern) for pattern in options.input]
    if options.chosen_format == "text":
        return ReadDocuments(sources, None)
    fields = JsonFields(
        text=options.text_field,
        id=options.id_field or "id",
        id_required=options.id_field is not None,
        pair=options.pair_field,
    )
    return ReadDocuments(sources, fields)
