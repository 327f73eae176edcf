"""Makes the checks of a run, all of them and not just until the first that fails. The rules are those of the run."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Callable, Iterator

import apache_beam as beam
from apache_beam.options.pipeline_options import (
    FlinkRunnerOptions,
    GoogleCloudOptions,
    PipelineOptions,
    PortableOptions,
)

from albert_embed.pipeline.bigquery.clients import explain_refusals
from albert_embed.pipeline.bigquery.table_input import TableInput
from albert_embed.pipeline.bigquery.table_sink import NoTable, TableSink, make_table_sink
from albert_embed.pipeline.commit.claim import Claim
from albert_embed.pipeline.commit.run_name import make_run_name
from albert_embed.pipeline.console.engine_options import read_engine_options
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dry_run.problems import Problems
from albert_embed.pipeline.embed.resolve_input import find_input, list_input_files, resolve_fields
from albert_embed.pipeline.inputs.file_input import FileInput
from albert_embed.pipeline.inputs.standard_input import check_standard_input
from albert_embed.pipeline.job.check_output import check_waiting, find_latest
from albert_embed.pipeline.job.prepared_run import PreparedRun, prepare_run
from albert_embed.pipeline.job.resolve_options import resolve_paths
from albert_embed.pipeline.launch.graph_size import check_graph_size
from albert_embed.pipeline.launch.prepare_launch import prepare_launch
from albert_embed.pipeline.reading.read_input import pack
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.runner import DATAFLOW, choose_runner, count_workers, name_runner
from albert_embed.pipeline.writers.check_writable import check_writable

# How long a service may take to answer.
_TIMEOUT_SECONDS = 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckedRun:
    """What the checks have found.

    Attributes:
      options: of the run, with full paths and, where the input was found, its format.
      problems: what would stop it.
      run: its model and what follows from that; None where there is a problem with it.
      given: its input; None where there is a problem with it, or it is standard input, which can be read only once.
      input_bytes: how much of it a query or a table has; None where that is not known.
      latest: the version that its output holds; None where it holds none.
    """

    options: EmbedOptions
    problems: Problems
    run: PreparedRun | None
    given: FileInput | TableInput | None
    input_bytes: int | None
    latest: Manifest | None


def check_run(options: EmbedOptions, beam_options: PipelineOptions, problems: Problems) -> CheckedRun:
    """Makes all checks.

    Args:
      options: as given.
      beam_options: as given; they are completed as for the run.
      problems: what is known to be wrong already; the checks add to it.
    """
    collect = problems.collect
    options = prepare_launch(options, beam_options, collect)
    for check in _list_runner_checks(options, beam_options):
        with collect():
            check()
    if not problems.messages:  # else it looks for what is missing at Google's
        with collect():  # it loads the runner, and lets it check the options
            beam.Pipeline(runner=choose_runner(beam_options), options=beam_options)
    options = resolve_paths(options, beam_options, collect)
    options, given = _check_input(options, beam_options, problems)
    input_bytes = None
    with collect():
        if isinstance(given, TableInput):
            input_bytes = given.check_fields(RecordFields.of(options))
        elif given is not None:
            check_graph_size(pack(given.open_parts(RecordFields.of(options)).parts), beam_options)
    run = None
    with collect():
        run = prepare_run(options, beam_options, collect)
    table = _check_table(run, problems)
    return CheckedRun(
        options=options,
        problems=problems,
        run=run,
        given=given,
        input_bytes=input_bytes,
        latest=_check_output(options, beam_options, run, table, problems) if options.output else None,
    )


def _check_output(
    options: EmbedOptions,
    beam_options: PipelineOptions,
    run: PreparedRun | None,
    table: TableSink | NoTable,
    problems: Problems,
) -> Manifest | None:
    """Returns the version that the output holds, if there is one."""
    latest = None
    with problems.collect():
        check_writable(options.output)
    with problems.collect():
        Claim(options.output, make_run_name()).check(beam_options)
    with problems.collect():
        latest = find_latest(options, None if run is None else run.provenance, table)
    return latest


def _list_runner_checks(options: EmbedOptions, beam_options: PipelineOptions) -> Iterator[Callable[[], object]]:
    """Yields the checks of where the pipeline runs."""
    yield lambda: check_waiting(options, beam_options)
    endpoint = beam_options.view_as(PortableOptions).job_endpoint
    if endpoint not in (None, "embed"):
        yield lambda: read_engine_options(endpoint, timeout=_TIMEOUT_SECONDS)
    if name_runner(beam_options) == "flinkrunner":
        master = beam_options.view_as(FlinkRunnerOptions).flink_master
        if endpoint is None and not master.startswith("["):
            yield lambda: _connect("--flink_master", master)
    if name_runner(beam_options) == DATAFLOW:
        yield _find_credentials


def _connect(flag: str, address: str) -> None:
    """Raises ConnectionError if nothing answers at an address, `HOST:PORT` or a URL of the two."""
    host, _, port = address.rpartition("://")[2].rstrip("/").partition(":")
    try:
        socket.create_connection((host, int(port or 8081)), timeout=_TIMEOUT_SECONDS).close()
    except (OSError, ValueError) as e:
        raise ConnectionError(
            f"{flag} {address} can't be reached: {e}; is it running, and is the address right?"
        ) from e


def _find_credentials() -> None:
    import google.auth

    with explain_refusals("--runner DataflowRunner"):
        google.auth.default()


def _check_input(
    options: EmbedOptions, beam_options: PipelineOptions, problems: Problems
) -> tuple[EmbedOptions, FileInput | TableInput | None]:
    """Finds the input; where that fails, every pattern and every field is looked at by itself."""
    if options.reads_standard_input:
        with problems.collect():
            check_standard_input(beam_options)
        return options, None
    given: FileInput | TableInput | None = None
    with problems.collect():
        project = beam_options.view_as(GoogleCloudOptions).project
        given = find_input(options, project, workers=count_workers(beam_options))
    if given is None:
        for pattern in options.input if not options.reads_table else ():
            with problems.collect():
                list_input_files(dataclasses.replace(options, input=(pattern,)))
        return options, None
    resolved = None
    with problems.collect():
        resolved = resolve_fields(options, given)
    if resolved is not None:
        return resolved, given
    for field in options.keep_fields:
        with problems.collect():
            resolve_fields(dataclasses.replace(options, keep_fields=(field,)), given)
    return options, None


def _check_table(run: PreparedRun | None, problems: Problems) -> TableSink | NoTable:
    table: TableSink | NoTable = NoTable()
    if run is not None:
        with problems.collect():
            table = make_table_sink(run.options, run.rows, run.model.directory, run.model.vocabulary, run.preprocessing)
            table.check()
    return table
